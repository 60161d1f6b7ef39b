import type { Table } from './findings';

/** Durations of a number of calls, in milliseconds, and the elapsed time of all of them together. */
export interface Measurement {
  durations: number[];
  elapsedMs: number;
}

/** Calls `work` `count` times, at most `inFlight` concurrently, and measures each call. */
export async function measure(
  count: number,
  inFlight: number,
  work: () => Promise<unknown>,
): Promise<Measurement> {
  const durations: number[] = [];
  let begun = 0;
  const lane = async () => {
    while (begun++ < count) {
      const start = performance.now();
      await work();
      durations.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: inFlight }, lane));
  return { durations, elapsedMs: performance.now() - start };
}

/** @param share the quantile, such as 0.5 for the median */
export function percentile(values: number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}

export const perSecond = ({ durations, elapsedMs }: Measurement): number =>
  (durations.length / elapsedMs) * 1000;

const printed: Table[] = [];

/** The tables printed since the last call, for a report. */
export const takePrinted = (): Table[] => printed.splice(0);

/** Prints rows under a header, in columns. */
export function table(header: string[], rows: (string | number)[][]): void {
  printed.push({ header, rows });
  const cells = [header, ...rows.map((row) => row.map(String))];
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  for (const row of cells)
    console.log(
      row
        .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)))
        .join('   '),
    );
}

export const ms = (value: number): string => (value < 100 ? value.toFixed(1) : value.toFixed(0));

/** A table as it is printed: the first column says what the row is about. */
export interface Table {
  header: string[];
  rows: (string | number)[][];
}

/** Lines over a common axis. */
export interface Plot {
  /** Of its file, without the ending. */
  name: string;
  title: string;
  xLabel: string;
  yLabel: string;
  series: { name: string; points: [x: number, y: number][] }[];
}

/** What a suite found beside the tables that it printed. */
export interface Findings {
  plots?: Plot[];
  /** For other programs, such as the arithmetic of docs/capacity.md. */
  figures?: Record<string, unknown>;
  /** What a reader has to know, a sentence each. */
  notes?: string[];
}

export type Suite = () => Promise<Findings | void>;

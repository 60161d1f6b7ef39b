/** A table to print: the first column names what the row is about. */
export interface Table {
  header: string[];
  rows: (string | number)[][];
}

/** Lines over a shared x axis. */
export interface Plot {
  /** File name without the extension. */
  name: string;
  title: string;
  xLabel: string;
  yLabel: string;
  series: { name: string; points: [x: number, y: number][] }[];
}

/** A picture that is drawn already. */
export interface Drawing {
  /** File name without the extension. */
  name: string;
  title: string;
  svg: string;
}

/** What a suite found besides the tables that it printed. */
export interface Findings {
  plots?: Plot[];
  drawings?: Drawing[];
  /** Figures for other programs, such as the calculation of docs/capacity.md. */
  figures?: Record<string, unknown>;
  /** What a reader has to know, one sentence each. */
  notes?: string[];
}

export type Suite = () => Promise<Findings | void>;

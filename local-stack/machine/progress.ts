/** A long step in progress, as it is displayed. */
interface Step {
  title: string;
  detail: string;
  startedAt: number;
  lastPrintedAt: number;
}

/** Reports the progress of a step, for example `412 of 2010 packages`. */
export type ReportProgress = (detail: string) => void;

/** Milliseconds between two lines about the same step, when the output is not a terminal. */
const quietInterval = 15_000;
const redrawInterval = 250;
/** On a terminal, which shows steps live, steps shorter than this do not print a line when done. */
const worthALine = 1000;

/**
 * Displays progress. On a terminal, the running steps are redrawn at the bottom. Elsewhere (a log, CI), each
 * step prints a line when it starts, every 15 s while it runs, and when it is done.
 */
export class Progress {
  private readonly steps = new Set<Step>();
  private drawn = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly out: Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'> = process.stderr,
    private readonly now: () => number = Date.now,
  ) {}

  /** Runs a step and displays it. The error of a failed step is not displayed, but thrown to the caller. */
  async step<T>(title: string, work: (report: ReportProgress) => Promise<T>): Promise<T> {
    const step: Step = { title, detail: '', startedAt: this.now(), lastPrintedAt: this.now() };
    this.begin(step);
    try {
      const result = await work((detail) => (step.detail = detail));
      const took = this.now() - step.startedAt;
      this.end(
        step,
        took >= worthALine || !this.out.isTTY ? `  done: ${title} (${duration(took)})` : undefined,
      );
      return result;
    } catch (error) {
      this.end(step, `  failed: ${title} (${duration(this.now() - step.startedAt)})`);
      throw error;
    }
  }

  /** Prints a permanent line. */
  say(line: string): void {
    this.erase();
    this.out.write(`${line}\n`);
    this.draw();
  }

  private begin(step: Step): void {
    this.steps.add(step);
    if (!this.out.isTTY) this.out.write(`  ${step.title} ...\n`);
    this.timer ??= setInterval(() => this.tick(), redrawInterval).unref();
  }

  private end(step: Step, line: string | undefined): void {
    this.steps.delete(step);
    if (line) this.say(line);
    else this.tick();
    if (this.steps.size > 0) return;
    clearInterval(this.timer);
    this.timer = undefined;
  }

  private tick(): void {
    if (this.out.isTTY) {
      this.erase();
      this.draw();
      return;
    }
    for (const step of this.steps) {
      if (this.now() - step.lastPrintedAt < quietInterval) continue;
      step.lastPrintedAt = this.now();
      this.out.write(`${describeStep(step, this.now())}\n`);
    }
  }

  private erase(): void {
    if (this.drawn > 0) this.out.write(`\x1b[${this.drawn}A\x1b[J`);
    this.drawn = 0;
  }

  private draw(): void {
    if (!this.out.isTTY) return;
    for (const step of this.steps) {
      const line = describeStep(step, this.now());
      this.out.write(`${line.slice(0, (this.out.columns || 80) - 1)}\n`);
      this.drawn += 1;
    }
  }
}

/** `  building Kubernetes: 412 of 2010 packages, 1 m 20 s` */
export function describeStep(step: Pick<Step, 'title' | 'detail' | 'startedAt'>, now: number): string {
  return `  ${step.title}: ${step.detail ? `${step.detail}, ` : ''}${duration(now - step.startedAt)}`;
}

/** Milliseconds as `0.4 s`, `12 s` or `7 m 42 s`. */
export function duration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} m ${whole % 60} s`;
}

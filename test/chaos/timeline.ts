/** What happened in a run, for people who look for a cause. */
export interface Happening {
  /** Milliseconds since the epoch. */
  at: number;
  /** What it concerns: a fault, a process of the platform, a submission, or the run itself. */
  about: 'fault' | 'process' | 'submission' | 'run';
  text: string;
  submissionId?: string;
}

export class Timeline {
  readonly happenings: Happening[] = [];

  constructor(
    private readonly begin: number,
    private readonly say: (line: string) => void,
  ) {}

  add(about: Happening['about'], text: string, submissionId?: string): void {
    const happening = { at: Date.now(), about, text, ...(submissionId && { submissionId }) };
    this.happenings.push(happening);
    if (about !== 'submission') this.say(this.line(happening));
  }

  /** Faults, processes and what was told of one submission, from a little before it until a little after it. */
  around(submissionId: string, marginMs = 15_000): string[] {
    const own = this.happenings.filter((one) => one.submissionId === submissionId);
    const [from, to] = [own[0]?.at ?? 0, own.at(-1)?.at ?? 0];
    return this.happenings
      .filter((one) =>
        one.about === 'submission'
          ? one.submissionId === submissionId
          : one.at > from - marginMs && one.at < to + marginMs,
      )
      .map((one) => this.line(one));
  }

  private line({ at, about, text }: Happening): string {
    return `${((at - this.begin) / 1000).toFixed(1).padStart(7)} s  ${about.padEnd(10)}  ${text}`;
  }
}

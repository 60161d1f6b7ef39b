/** An event of a run, for people who search for a cause. */
export interface Happening {
  /** Milliseconds since the epoch. */
  at: number;
  /** The subject: a fault, a process of the platform, a submission, or the run itself. */
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

  /** Faults, process events and events of one submission, with a margin before and after the submission. */
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

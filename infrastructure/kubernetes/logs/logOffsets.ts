import type { PodLine } from './line';

/** How far a pod's log was delivered: all before `at`, and the first `lines` lines of exactly that time. */
export interface LogOffset {
  at: string;
  lines: number;
}

/** How far the logs of several pods were delivered. */
export class LogOffsets {
  private readonly byPod: Map<string, LogOffset>;

  constructor(offsets: Iterable<readonly [pod: string, offset: LogOffset]> = []) {
    this.byPod = new Map(offsets);
  }

  of(pod: string): LogOffset | undefined {
    return this.byPod.get(pod);
  }

  /** The offsets, latest time first. */
  entries(): [pod: string, offset: LogOffset][] {
    return [...this.byPod].sort(([, one], [, other]) => (one.at < other.at ? 1 : -1));
  }

  /** Records that a line was delivered. The lines of one pod must be recorded in order. */
  record({ pod, at }: PodLine): void {
    const offset = this.byPod.get(pod);
    if (offset?.at === at) offset.lines += 1;
    else if (offset === undefined || offset.at < at) this.byPod.set(pod, { at, lines: 1 });
  }

  /**
   * Starts reading logs again. Call the returned function for each line, in order: it returns true if the
   * line has not been delivered before.
   */
  reading(): (line: PodLine) => boolean {
    const remaining = new Map([...this.byPod].map(([pod, offset]) => [pod, { ...offset }]));
    return ({ pod, at }) => {
      const offset = remaining.get(pod);
      if (offset === undefined || at > offset.at) return true;
      if (at < offset.at || offset.lines === 0) return at === offset.at;
      offset.lines -= 1;
      return false;
    };
  }
}

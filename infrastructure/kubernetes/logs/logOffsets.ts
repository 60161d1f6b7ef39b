import type { PodLine } from './line';

/** How far a pod's log was delivered: all before `at`, and the first `lines` lines of exactly that time. */
export interface LogOffset {
  at: string;
  lines: number;
}

/** How far the logs of several pods were delivered. */
export class LogOffsets {
  private readonly byPod: Map<string, LogOffset>;

  constructor(places: Iterable<readonly [pod: string, place: LogOffset]> = []) {
    this.byPod = new Map(places);
  }

  of(pod: string): LogOffset | undefined {
    return this.byPod.get(pod);
  }

  /** The offsets, latest time first. */
  entries(): [pod: string, place: LogOffset][] {
    return [...this.byPod].sort(([, one], [, other]) => (one.at < other.at ? 1 : -1));
  }

  /** Records that a line was delivered. The lines of one pod must be recorded in order. */
  note({ pod, at }: PodLine): void {
    const known = this.byPod.get(pod);
    if (known?.at === at) known.lines += 1;
    else if (known === undefined || known.at < at) this.byPod.set(pod, { at, lines: 1 });
  }

  /**
   * Starts reading logs again. Call the returned function for each line, in order: it returns true if the
   * line has not been delivered before.
   */
  reading(): (line: PodLine) => boolean {
    const begun = new Map([...this.byPod].map(([pod, place]) => [pod, { ...place }]));
    return ({ pod, at }) => {
      const place = begun.get(pod);
      if (place === undefined || at > place.at) return true;
      if (at < place.at || place.lines === 0) return at === place.at;
      place.lines -= 1;
      return false;
    };
  }
}

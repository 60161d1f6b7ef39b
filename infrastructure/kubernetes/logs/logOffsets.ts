import type { PodLine } from './line';

/** How far the log of a pod was told: all before `at`, and so many of the lines of just that time. */
export interface LogOffset {
  at: string;
  lines: number;
}

/** How far the logs of several pods were told. */
export class LogOffsets {
  private readonly byPod: Map<string, LogOffset>;

  constructor(places: Iterable<readonly [pod: string, place: LogOffset]> = []) {
    this.byPod = new Map(places);
  }

  of(pod: string): LogOffset | undefined {
    return this.byPod.get(pod);
  }

  /** Those told last first. */
  entries(): [pod: string, place: LogOffset][] {
    return [...this.byPod].sort(([, one], [, other]) => (one.at < other.at ? 1 : -1));
  }

  /** Notes that a line was told; those of one pod come in their order. */
  note({ pod, at }: PodLine): void {
    const known = this.byPod.get(pod);
    if (known?.at === at) known.lines += 1;
    else if (known === undefined || known.at < at) this.byPod.set(pod, { at, lines: 1 });
  }

  /** Begins to read logs again: what it returns says of each line, in order, whether it was not told before. */
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

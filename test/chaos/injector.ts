import { setTimeout as wait } from 'node:timers/promises';
import { FAULTS } from './faults';
import type { Harm, Reach } from './faults/fault';
import type { Kind } from './kinds';
import { Random } from './random';
import type { Planned } from './schedule';
import type { Timeline } from './timeline';

/** A fault that was injected. */
export interface Injected extends Pick<Harm, 'what' | 'user' | 'executionsLost' | 'productionLost'> {
  kind: Kind;
  /** Milliseconds since the epoch. */
  at: number;
  /** When everything harmed worked again; null when it never did, or was not checked. */
  healedAt: number | null;
  /** Milliseconds from the fault to the verdict of a submission that was sent at the same time. */
  verdictMs: number | null;
}

/**
 * Sends a submission of this user (any user when null), and resolves with the milliseconds to its verdict.
 */
export type Probe = (user: string | null) => Promise<number | null>;

/**
 * Carries out a schedule. Faults of different kinds overlap; those of one kind wait for each other to heal.
 */
export class Injector {
  readonly injected: Injected[] = [];
  /** Faults that found nothing to harm. */
  readonly skipped: Planned[] = [];
  readonly failures: string[] = [];
  private readonly busy = new Map<string, Promise<void>>();

  constructor(
    private readonly reach: Reach,
    private readonly timeline: Timeline,
    private readonly probe: Probe,
  ) {}

  /** Resolves when all faults are injected and healed. @param begin milliseconds since the epoch */
  async carryOut(schedule: Planned[], begin: number): Promise<void> {
    const works: Promise<void>[] = [];
    for (const planned of schedule) {
      await wait(Math.max(0, begin + planned.at - Date.now()), undefined, { signal: this.reach.stopped });
      const target = planned.kind.replace(/\.(kill|pause|full)$/, '');
      const before = this.busy.get(target) ?? Promise.resolve();
      const work = before.then(() => this.carryOutOne(planned));
      this.busy.set(target, work);
      works.push(work);
    }
    await Promise.all(works);
  }

  private async carryOutOne(planned: Planned): Promise<void> {
    const { kind, seed } = planned;
    if (this.reach.stopped.aborted) return;
    try {
      const harm = await FAULTS[kind](this.reach, new Random(seed));
      if (harm === null) {
        this.skipped.push(planned);
        this.timeline.add('fault', `${kind}: nothing to harm`);
        return;
      }
      const { heal, ...told } = harm;
      const fault: Injected = { kind, ...told, at: Date.now(), healedAt: null, verdictMs: null };
      this.injected.push(fault);
      this.timeline.add('fault', `${kind}: ${harm.what}`);
      const probed = this.probe(harm.user ?? null).then((ms) => void (fault.verdictMs = ms));
      // The next fault of a kind does not wait for the probe, but the end of the run does.
      this.probes.push(probed);
      if (!heal) return;
      await heal();
      fault.healedAt = Date.now();
      this.timeline.add('fault', `${kind}: ${harm.what}: healed after ${fault.healedAt - fault.at} ms`);
    } catch (error) {
      this.failures.push(`${kind}: ${String(error)}`);
      this.timeline.add('fault', `${kind}: FAILED: ${String(error)}`);
    }
  }

  /** Resolves when everything is healed, in a run that was stopped. */
  async healed(): Promise<void> {
    await Promise.all(this.busy.values());
  }

  private readonly probes: Promise<void>[] = [];

  /** Resolves when every probe has a verdict, or has given up. */
  async probed(): Promise<void> {
    await Promise.all(this.probes);
  }
}

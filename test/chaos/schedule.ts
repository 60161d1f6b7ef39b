import { apartOf, KINDS, MAIN_KINDS, weightOf, type Kind } from './kinds';
import { Random } from './random';

/** A scheduled fault. */
export interface Planned {
  /** Milliseconds after the beginning. */
  at: number;
  kind: Kind;
  /** Seed for the fault's random choices: its target and its duration. */
  seed: number;
}

/** The parameters of a schedule. */
export interface ScheduleOptions {
  seed: number;
  minutes: number;
  faults: number;
  /** Only these kinds; all kinds when the list is empty. */
  only: readonly Kind[];
}

/** The faults of a run, spread over its duration: the same parameters give the same schedule. */
export function plan({ seed, minutes, faults, only }: ScheduleOptions): Planned[] {
  const random = new Random(seed);
  const drawn = (only.length > 0 ? only : KINDS).map((kind) => ({ kind, weight: weightOf(kind) }));
  const slot = (minutes * 60_000) / faults;
  const last = new Map<Kind, number>();
  return Array.from({ length: faults }, (_, index) => {
    const at = Math.round((index + random.next()) * slot);
    const rested = drawn.filter(({ kind }) => at - (last.get(kind) ?? -Infinity) >= apartOf(kind));
    // Too many faults for so few kinds: choose the kind whose last fault is the longest ago.
    const [longest] = [...drawn].sort(
      (one, other) => (last.get(one.kind) ?? 0) - (last.get(other.kind) ?? 0),
    );
    const { kind } = rested.length > 0 ? random.weighted(rested) : longest!;
    last.set(kind, at);
    return { at, kind, seed: random.seed() };
  });
}

/** One fault of each main kind, evenly spread. */
export function shortPlan(seed: number, minutes: number): Planned[] {
  const random = new Random(seed);
  const slot = (minutes * 60_000) / MAIN_KINDS.length;
  return MAIN_KINDS.map((kind, index) => ({
    kind,
    at: Math.round(index * slot),
    seed: random.seed(),
  }));
}

import { cpus, release, totalmem } from 'node:os';
import { versions } from '../../local-stack/versions';
import type { Outcome } from './run';

/** Figures of one kind of fault. */
interface KindFigures {
  faults: number;
  /** Milliseconds until everything harmed worked again. */
  healed_ms: Quantiles;
  /** Milliseconds until the verdict of a submission that was sent at the time of the fault. */
  verdict_ms: Quantiles;
}

interface Quantiles {
  p50: number | null;
  p95: number | null;
}

/** The result of a run. Only its figures depend on the state of the machine. */
export interface Report {
  seed: number;
  green: boolean;
  violations: { rule: string; text: string }[];
  minutes: number;
  faults: number;
  faults_per_hour: number;
  kinds: Record<string, KindFigures>;
  /** Faults that found nothing to harm. */
  skipped: number;
  submissions: { all: number; held_back: number; by_program: Record<string, Record<string, number>> };
  connections: number;
  rollbacks: number;
  /** Tests that were executed again, as reported; and additional executions, as counted by the tally. */
  executed_again: { told: number; executions: number };
  actions: number;
  deaths_unasked: Record<string, number>;
  machine: { cores: number; processor: string; memory_gb: number; kernel: string; node: string };
  versions: Record<string, string>;
}

export function reportOf({
  options,
  begin,
  faultsEnd,
  injector,
  load,
  observations,
  violations,
  deaths,
}: Outcome): Report {
  const { submissions, actions } = observations;
  const hours = (faultsEnd - begin) / 3_600_000;
  const faults = injector.injected.length;
  return {
    seed: options.seed,
    green: violations.length === 0,
    violations: violations.map(({ rule, text }) => ({ rule, text })),
    minutes: Number((hours * 60).toFixed(1)),
    faults,
    faults_per_hour: Math.round(faults / hours),
    kinds: kindsOf(injector.injected),
    skipped: injector.skipped.length,
    submissions: {
      all: submissions.length,
      held_back: load.heldBack,
      by_program: countedBy(submissions.map(({ kind, finals }) => [kind, finals[0]?.status ?? 'nothing'])),
    },
    connections: load.sent
      .flatMap(({ followed }) => followed)
      .reduce((sum, { connections }) => sum + connections, 0),
    rollbacks: load.rollbacks.length,
    executed_again: {
      told: submissions.filter(({ toldExecutedAgain }) => toldExecutedAgain).length,
      executions: submissions
        .flatMap(({ executions }) => executions)
        .reduce((sum, { times }) => sum + Math.max(0, times - 1), 0),
    },
    actions: actions.stored.length,
    deaths_unasked: deaths,
    machine: {
      cores: cpus().length,
      processor: cpus()[0]?.model ?? '',
      memory_gb: Math.round(totalmem() / 2 ** 30),
      kernel: release(),
      node: process.version,
    },
    versions,
  };
}

function kindsOf(injected: Outcome['injector']['injected']): Record<string, KindFigures> {
  const kinds = [...new Set(injected.map(({ kind }) => kind))].sort();
  return Object.fromEntries(
    kinds.map((kind) => {
      const own = injected.filter((fault) => fault.kind === kind);
      const healed = own.flatMap(({ at, healedAt }) => (healedAt === null ? [] : [healedAt - at]));
      const verdicts = own.flatMap(({ verdictMs }) => (verdictMs === null ? [] : [verdictMs]));
      return [kind, { faults: own.length, healed_ms: quantiles(healed), verdict_ms: quantiles(verdicts) }];
    }),
  );
}

/** The nearest measured value, not an interpolated one. */
export function quantiles(values: number[]): Quantiles {
  const sorted = [...values].sort((one, other) => one - other);
  const at = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
  return { p50: at(0.5), p95: at(0.95) };
}

function countedBy(pairs: [string, string][]): Record<string, Record<string, number>> {
  const counts: Record<string, Record<string, number>> = {};
  for (const [one, other] of pairs.sort()) {
    const inner = (counts[one] ??= {});
    inner[other] = (inner[other] ?? 0) + 1;
  }
  return counts;
}

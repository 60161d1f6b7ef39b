import { parseArgs } from 'node:util';
import { UsageError } from '../../infrastructure/commandLine';
import { KINDS, type Kind } from './kinds';
import type { ScheduleOptions } from './schedule';

export interface Options extends ScheduleOptions {
  /** One fault of each main kind, within a few minutes. */
  short: boolean;
  /** Submissions per second. */
  rate: number;
  /** Path of the file for the JSON report; null to write none. */
  report: string | null;
}

const USAGE = `Usage: npm run test:chaos [-- [--seed N] [--minutes N] [--faults N] [--only KIND] [--rate N] [--report FILE] [--short]]
--only may be given several times. Kinds: ${KINDS.join(', ')}.`;

const MOST_MINUTES = 24 * 60;
const MOST_FAULTS = 100_000;

/** @throws UsageError that names the option and its limits */
export function optionsIn(args: string[], draw: () => number): Options {
  const values = parsed(args);
  const short = values.short ?? false;
  const minutes = numberIn('--minutes', values.minutes, short ? 2 : 5, { least: 0.5, most: MOST_MINUTES });
  return {
    short,
    minutes,
    seed: Math.floor(numberIn('--seed', values.seed, draw(), { least: 0, most: 2 ** 32 - 1 })),
    faults: Math.floor(
      numberIn('--faults', values.faults, Math.ceil(minutes * 7), { least: 1, most: MOST_FAULTS }),
    ),
    rate: numberIn('--rate', values.rate, 1, { least: 0.1, most: 20 }),
    only: (values.only ?? []).map(kindIn),
    report: values.report ?? null,
  };
}

function parsed(args: string[]) {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      args,
      options: {
        ...{ seed: text, minutes: text, faults: text, rate: text, report: text },
        only: { type: 'string', multiple: true },
        short: { type: 'boolean' },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

function numberIn(
  name: string,
  text: string | undefined,
  usual: number,
  { least, most }: { least: number; most: number },
): number {
  const value = text === undefined ? usual : Number(text);
  if (text?.trim() === '' || !(value >= least && value <= most))
    throw new UsageError(`${name} must be a number from ${least} to ${most}, and is ${text}.\n${USAGE}`);
  return value;
}

function kindIn(text: string): Kind {
  const kind = KINDS.find((known) => known === text);
  if (kind === undefined) throw new UsageError(`--only ${text}: there is no such kind.\n${USAGE}`);
  return kind;
}

import type { Submission } from '..';
import type { OptionValues } from './arguments';
import { UsageError } from './exitCodes';

const UNIT_MS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Converts an ISO 8601 time, or how long ago it was, to the form that the gateway takes.
 * @throws UsageError that names the option
 */
export function parseTime(option: string, text: string, now = Date.now()): string {
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined)
    return new Date(now - Number(count) * (UNIT_MS[unit] ?? 0)).toISOString();
  if (Number.isNaN(Date.parse(text)))
    throw new UsageError(
      `--${option} must be how long ago, such as 90s, 10m, 2h or 1d, or a time such as 2026-01-31T12:00:00Z.`,
    );
  return new Date(text).toISOString();
}

/** Reads a number. The gateway checks its range. @throws UsageError that names the option */
export function parseNumber(option: string, text: string): number {
  if (!/^\d+(\.\d+)?$/.test(text)) throw new UsageError(`--${option} must be a number, and is "${text}".`);
  return Number(text);
}

/** The field of the submission that each option sets. */
const OPTION_FIELDS = Object.entries({
  user: 'user_id',
  language: 'language',
  entrypoint: 'entrypoint',
  stdin: 'stdin',
  tests: 'tests',
  id: 'submission_id',
  interactive: 'interactive',
  'test-only': 'deploy',
  worker: 'production',
} satisfies Partial<Record<keyof OptionValues, keyof Submission>>) as [keyof OptionValues, string][];

/**
 * Reads the fields that `--set FIELD=VALUE` sets. A value that is not JSON is text. The gateway validates the
 * fields.
 * @throws UsageError for a value without a field, and for a field that something else sets too
 */
export function parseFields(values: OptionValues): Partial<Submission> {
  const fields = new Map<string, unknown>();
  const setBy = new Map([['files', 'FILE|DIR']]);
  for (const [option, field] of OPTION_FIELDS)
    if (values[option] !== undefined) setBy.set(field, `--${option}`);
  for (const setting of values.set ?? []) {
    const [, field, value] = /^([^=]+)=(.*)$/s.exec(setting) ?? [];
    if (field === undefined || value === undefined)
      throw new UsageError(`--set must be FIELD=VALUE, such as --set deploy=false, and is "${setting}".`);
    const other = setBy.get(field);
    if (other !== undefined)
      throw new UsageError(`--set ${field}: ${other} sets this field too. Give only one of them.`);
    setBy.set(field, 'another --set');
    fields.set(field, parseJsonOrText(value));
  }
  return Object.fromEntries(fields);
}

function parseJsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

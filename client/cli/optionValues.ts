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

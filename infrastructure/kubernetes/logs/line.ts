/** One line that a container printed. */
export interface PodLine {
  /** Time in UTC with nine fractional digits, so that times can be compared as text. */
  at: string;
  pod: string;
  text: string;
}

const TIME = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;

/** Converts an RFC 3339 time to the form of `PodLine.at`; null if it is not one. */
export function exactTime(text: string): string | null {
  const [, second, fraction = '', zone = ''] = TIME.exec(text) ?? [];
  if (second === undefined) return null;
  const utc = zone === 'Z' ? second : shifted(`${second}${zone}`);
  return utc === null ? null : `${utc}.${fraction.padEnd(9, '0')}Z`;
}

/** Parses a line that the API returned with `timestamps`. Null if it does not begin with a time. */
export function podLineOf(pod: string, line: string): PodLine | null {
  const space = line.indexOf(' ');
  const at = exactTime(space < 0 ? line : line.slice(0, space));
  return at === null ? null : { at, pod, text: space < 0 ? '' : line.slice(space + 1) };
}

function shifted(time: string): string | null {
  const moment = new Date(time);
  return Number.isNaN(moment.getTime()) ? null : moment.toISOString().slice(0, 19);
}

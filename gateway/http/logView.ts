import type { LogHistory } from '../../infrastructure/elasticsearch/logHistory';
import { exactTime, type PodLine } from '../../infrastructure/kubernetes/logs/line';
import type { LiveLogs } from '../../infrastructure/kubernetes/logs/live';
import { CONTAINER_OF, type LogPart } from '../../infrastructure/kubernetes/logs/parts';
import { LogOffsets } from '../../infrastructure/kubernetes/logs/logOffsets';
import { linkedAbort } from '../../infrastructure/linkedAbort';
import type { Logger } from '../../infrastructure/logging';
import { namespaceOf } from '../../workflows/contract';
import type { LogCursor } from './logCursor';

/** Sources of log lines; null for one that this gateway does not have. */
export interface LogSources {
  live: LiveLogs | null;
  history: LogHistory | null;
}

export interface LogSelection {
  userId: string;
  part: LogPart;
  /** Only lines from this time on, in the format of `PodLine.at`; null for all available lines. */
  since: string | null;
  /** At most this many earlier lines, the last ones. */
  tail: number;
  follow: boolean;
  /** The position to continue from. All lines since then count as earlier lines. */
  after: LogCursor | null;
}

/** Lines that arrive together, each with the cursor after it; or a note about them. */
export type LogPiece =
  { type: 'lines'; lines: { line: PodLine; cursor: LogCursor }[] } | { type: 'note'; message: string };

/** The most earlier lines to return, and the most text in them, in characters. */
export const MAX_TAIL = 2_000;
const MAX_CHARACTERS = 4_194_304;

/**
 * Yields the log of a part: its stored lines and those that its pods still have, merged in order of time. To
 * follow, it then yields what the pods print, one pod after another. If the store or the cluster does not
 * answer, it yields a note, and the lines of the other.
 * @throws Error if neither answers
 */
export async function* viewLogs(
  sources: LogSources,
  selection: LogSelection,
  settings: { signal: AbortSignal; timeoutMs: number; logger: Logger },
): AsyncGenerator<LogPiece> {
  const { signal, logger } = settings;
  const { follow, after, since, userId, part } = selection;
  const begun = exactTime(new Date().toISOString()) ?? '';
  const { lines, notes, cut } = await before(sources, selection, settings);
  for (const message of notes) yield { type: 'note', message };
  if (cut) yield { type: 'note', message: `these are the last ${lines.length} lines` };

  const from = after?.from ?? lines[0]?.at ?? since ?? begun;
  const sent = new LogOffsets(after?.offsets.entries() ?? []);
  const withCursor = (line: PodLine) => {
    sent.record(line);
    return { line, cursor: { from, offsets: new LogOffsets(sent.entries()) } };
  };
  yield { type: 'lines', lines: lines.map(withCursor) };
  if (!follow) return;
  if (sources.live === null) {
    yield { type: 'note', message: 'No Kubernetes cluster is configured.' };
    return;
  }
  const offsets = new LogOffsets(sent.entries());
  for await (const next of sources.live.follow(userId, part, { offsets, since: from, signal, logger }))
    yield { type: 'lines', lines: next.map(withCursor) };
}

/** Reads the earlier lines, in order of time. */
async function before(
  { live, history }: LogSources,
  { userId, part, since, tail, after }: LogSelection,
  { signal, timeoutMs, logger }: { signal: AbortSignal; timeoutMs: number; logger: Logger },
): Promise<{ lines: PodLine[]; notes: string[]; cut: boolean }> {
  const inTime = linkedAbort([signal], timeoutMs);
  const begin = after?.from ?? since;
  const known = after?.offsets.entries().map(([pod, { at }]) => ({ pod, until: at })) ?? [];
  const stored = history?.tail({
    ...{ namespace: namespaceOf(userId), container: CONTAINER_OF[part], since: begin, known },
    ...{ lines: tail, signal: inTime.signal },
  });
  const current = live?.tail(userId, part, { since: begin, lines: tail, signal: inTime.signal });
  const [fromStore, fromPods] = await Promise.allSettled([stored, current]);
  inTime.abort();
  signal.throwIfAborted();
  const answers = [fromStore, fromPods].filter(({ status }) => status === 'rejected');
  for (const answer of answers)
    logger.warn({ err: (answer as PromiseRejectedResult).reason as unknown }, 'failed to read earlier logs');
  if (answers.length === 2) throw (fromPods as PromiseRejectedResult).reason;

  const one = (fromStore.status === 'fulfilled' ? (fromStore.value ?? []) : []).flatMap(({ at, ...line }) => {
    const time = exactTime(at);
    return time === null ? [] : [{ ...line, at: time }];
  });
  const other = fromPods.status === 'fulfilled' ? (fromPods.value ?? []) : [];
  const isNew = new LogOffsets(after?.offsets.entries() ?? []).reading();
  const all = joined(one, other).filter((line) => (begin === null || line.at >= begin) && isNew(line));
  const lines = lastOf(all, tail);
  const notes = [
    ...(fromStore.status === 'rejected' ? ['Stored logs are unavailable.'] : []),
    ...(fromPods.status === 'rejected' ? ['The cluster does not answer: these are the stored logs.'] : []),
  ];
  return { lines, notes, cut: after !== null && lines.length < all.length };
}

/** Merges two lists in order of time. A line in both of them is returned once. */
function joined(one: PodLine[], other: PodLine[]): PodLine[] {
  const lines = new Map<string, PodLine>();
  for (const source of [one, other]) {
    const times = new Map<string, number>();
    for (const line of source) {
      const moment = `${line.pod} ${line.at}`;
      const count = (times.get(moment) ?? 0) + 1;
      times.set(moment, count);
      lines.set(`${moment} ${count}`, line);
    }
  }
  return [...lines.values()].sort((line, next) => (line.at < next.at ? -1 : line.at > next.at ? 1 : 0));
}

function lastOf(lines: PodLine[], most: number): PodLine[] {
  let characters = 0;
  const tooEarly = lines.findLastIndex(({ text }, index) => {
    characters += text.length;
    return lines.length - index > most || characters > MAX_CHARACTERS;
  });
  return lines.slice(tooEarly + 1);
}

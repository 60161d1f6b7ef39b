import pino from 'pino';
import { logCursorText, parseLogCursor } from '../../../gateway/http/logCursor';
import { viewLogs, type LogPiece, type LogSources, type LogSelection } from '../../../gateway/http/logView';
import type { PodLine } from '../../../infrastructure/kubernetes/logs/line';

const logger = pino({ level: 'silent' });
const time = (second: number) => `2026-01-01T00:00:${String(second).padStart(2, '0')}.000000000Z`;
const line = (pod: string, second: number): PodLine => ({ pod, at: time(second), text: `${pod} ${second}` });

const selection: LogSelection = {
  userId: 'ada',
  part: 'prod',
  since: null,
  tail: 100,
  follow: false,
  after: null,
};

/** Sources that return these lines; null stands for a source that fails. */
function sources(stored: PodLine[] | null, pods: PodLine[] | null, later: PodLine[] = []): LogSources {
  const answer = (lines: PodLine[] | null) =>
    lines ? Promise.resolve(lines) : Promise.reject(new Error('away'));
  return {
    history: { tail: () => answer(stored), close: () => Promise.resolve() },
    live: {
      tail: () => answer(pods),
      async *follow(_, __, { offsets, since }) {
        const isNew = offsets.reading();
        const fresh = later.filter((each) => (since === null || each.at >= since) && isNew(each));
        for (const each of fresh) yield await Promise.resolve([each]);
      },
    },
  };
}

async function view(from: LogSources, how: Partial<LogSelection> = {}): Promise<LogPiece[]> {
  const settings = { signal: new AbortController().signal, timeoutMs: 1_000, logger };
  const pieces: LogPiece[] = [];
  for await (const piece of viewLogs(from, { ...selection, ...how }, settings)) pieces.push(piece);
  return pieces;
}

const placedIn = (pieces: LogPiece[]) =>
  pieces.flatMap((piece) => (piece.type === 'lines' ? piece.lines : []));
const textsIn = (pieces: LogPiece[]) => placedIn(pieces).map(({ line: { text } }) => text);

test('what is stored and what pods still have is one log, each line once, in the order of time', async () => {
  const stored = [line('gone', 1), line('gone', 2), line('here', 3)];
  const pods = [line('here', 3), line('here', 4)];
  expect(textsIn(await view(sources(stored, pods)))).toEqual(['gone 1', 'gone 2', 'here 3', 'here 4']);
  expect(textsIn(await view(sources(stored, pods), { tail: 2 }))).toEqual(['here 3', 'here 4']);
});

test('equal lines of one moment are all told', async () => {
  const twice = [line('a', 1), line('a', 1)];
  expect(textsIn(await view(sources(twice, twice)))).toEqual(['a 1', 'a 1']);
});

test('whoever goes on after any line gets the rest, and nothing else', async () => {
  const stored = [line('gone', 1), line('gone', 2), line('here', 3)];
  const pods = [line('here', 3), line('here', 4), line('here', 5)];
  const later = [...pods, line('here', 6), line('next', 7)];
  const all = placedIn(await view(sources(stored, pods, later), { follow: true }));
  expect(all.map(({ line: { text } }) => text)).toEqual([
    ...['gone 1', 'gone 2', 'here 3', 'here 4', 'here 5', 'here 6', 'next 7'],
  ]);
  for (const [index, { cursor }] of all.entries()) {
    const after = parseLogCursor(logCursorText(cursor));
    const rest = textsIn(await view(sources(stored, pods, later), { follow: true, after }));
    expect(rest).toEqual(all.slice(index + 1).map(({ line: { text } }) => text));
  }
});

test('lines from before the last ones that were asked for do not come back later', async () => {
  const pods = [line('old', 1), line('old', 2), line('here', 8), line('here', 9)];
  const all = placedIn(await view(sources([], pods, pods), { follow: true, tail: 1 }));
  expect(all.map(({ line: { text } }) => text)).toEqual(['here 9']);
  const after = parseLogCursor(logCursorText(all[0]!.cursor));
  expect(textsIn(await view(sources([], pods, pods), { follow: true, after }))).toEqual([]);
});

test('a store or a cluster that does not answer is named; without both there is an error', async () => {
  const [note, ...rest] = await view(sources(null, [line('here', 1)]));
  expect(note).toEqual({ type: 'note', message: 'Stored logs are unavailable.' });
  expect(textsIn(rest)).toEqual(['here 1']);
  const [other, ...stored] = await view(sources([line('gone', 1)], null));
  expect(other).toMatchObject({ message: expect.stringContaining('cluster') as string });
  expect(textsIn(stored)).toEqual(['gone 1']);
  await expect(view(sources(null, null))).rejects.toThrow('away');
});

test.each([
  '',
  'x',
  '2026-01-01T00:00:00Z;a',
  '2026-01-01T00:00:00Z;../x@2026-01-01T00:00:00Z+1',
  `${time(1)};a@${time(1)}+x`,
])('%j is no cursor', (text) => {
  expect(parseLogCursor(text)).toBeNull();
});

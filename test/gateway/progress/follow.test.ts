import pino from 'pino';
import type { Cursor } from '../../../gateway/protocol/cursor';
import { follow, NothingFollows } from '../../../gateway/progress/follow';
import type { FollowSources } from '../../../gateway/progress/followSources';
import { followHistory, type HistoryPage, type ReadHistory } from '../../../gateway/progress/history';
import type { FollowLog } from '../../../gateway/progress/liveOutput';
import type { LogEvent } from '../../../infrastructure/kubernetes/logs/podLog';
import type { PendingActivity } from '../../../gateway/progress/pendingActivities';
import type { SubmissionFrame } from '../../../gateway/protocol/serverFrames';
import { announced, completed, history, report, scheduled, started, submission, verdict } from './histories';

const logger = pino({ level: 'silent' });
const events = history(started, scheduled('runTests'), completed(2, report), announced(verdict));
const MORE = Uint8Array.of(1);
const NO_MORE = new Uint8Array();

/** An error as grpc-js reports it. */
const grpcError = (code: number) =>
  Object.assign(new Error(`status ${code}`), { code, details: '', metadata: {} });
const INVALID_ARGUMENT = grpcError(3);
const UNAVAILABLE = grpcError(14);
const NOT_FOUND = grpcError(5);

/** Answers each call with the next of the given pages, or rejects with the next of the errors. */
function answers(...steps: (HistoryPage | Error)[]): ReadHistory & { calls: Uint8Array[] } {
  const calls: Uint8Array[] = [];
  const read: ReadHistory = (_execution, token) => {
    calls.push(token);
    const step = steps.shift() ?? new Error('asked once too often');
    return step instanceof Error ? Promise.reject(step) : Promise.resolve(step);
  };
  return Object.assign(read, { calls });
}

const page = (from: number, to: number, nextPageToken = MORE): HistoryPage => ({
  events: events.slice(from, to),
  nextPageToken,
});

async function collect(
  readHistory: ReadHistory,
  {
    progress = true,
    signal = new AbortController().signal,
    readPending = nothingPending,
    after = null as Cursor | null,
    followLog = null as FollowLog | null,
  } = {},
): Promise<SubmissionFrame[]> {
  const frames: SubmissionFrame[] = [];
  const idle = { ms: 5, longestMs: 5 };
  const settings = { progress, after, signal, logger, firstPauseMs: 1, idle };
  const sources = { followHistory: historyFrom(readHistory), readPending, followLog };
  for await (const frame of follow(sources, submission, settings)) frames.push(frame);
  return frames;
}

const historyFrom =
  (read: ReadHistory): FollowSources['followHistory'] =>
  (execution, options) =>
    followHistory(read, execution, options);

const nothingPending = (): Promise<PendingActivity[]> => Promise.resolve([]);
const cursors = (frames: SubmissionFrame[]) => frames.map((frame) => frame.cursor);
const ALL = ['1.0', '2.0', '2.e1.6.0', '3.0', '3.1', '3.2', '4.0'];

test('ends at the verdict, before the workflow is closed', async () => {
  const read = answers(page(0, 4));
  expect(cursors(await collect(read))).toEqual(ALL);
  expect(read.calls).toHaveLength(1);
});

test('an empty page with a token means: nothing new yet', async () => {
  const read = answers(page(0, 2), page(2, 2), page(2, 2), page(2, 4));
  expect(cursors(await collect(read))).toEqual(ALL);
  expect(read.calls).toEqual([NO_MORE, MORE, MORE, MORE]);
});

test('an outage at any place leaves no gap and repeats nothing', async () => {
  for (let seen = 0; seen <= 3; seen++) {
    const read = answers(page(0, seen), UNAVAILABLE, UNAVAILABLE, page(0, seen), page(seen, 4));
    expect(cursors(await collect(read))).toEqual(ALL);
  }
});

test('a page token that the server no longer accepts is given up for a read from the beginning', async () => {
  for (let seen = 0; seen <= 3; seen++) {
    const read = answers(page(0, seen), INVALID_ARGUMENT, page(0, seen), page(seen, 4));
    expect(cursors(await collect(read))).toEqual(ALL);
    expect(read.calls).toEqual([NO_MORE, MORE, NO_MORE, MORE]);
  }
});

test('a history that the server refuses to read is an error', async () => {
  await expect(collect(answers(INVALID_ARGUMENT))).rejects.toBe(INVALID_ARGUMENT);
  await expect(collect(answers(page(0, 2), INVALID_ARGUMENT, INVALID_ARGUMENT))).rejects.toBe(
    INVALID_ARGUMENT,
  );
});

test('without progress there is the final frame only, and nobody looks for retries', async () => {
  const readPending = jest.fn(nothingPending);
  const frames = await collect(answers(page(0, 4)), { progress: false, readPending });
  expect(cursors(frames)).toEqual(['4.0']);
  expect(readPending).not.toHaveBeenCalled();
});

test('a history that is gone is an error', async () => {
  await expect(collect(answers(page(0, 2), NOT_FOUND))).rejects.toBe(NOT_FOUND);
});

test('a history that ends without an ending is an error', async () => {
  await expect(collect(answers(page(0, 2, NO_MORE)))).rejects.toThrow('has no end');
});

test('a client that leaves ends the following without an error, also while it waits', async () => {
  const client = new AbortController();
  const read: ReadHistory = (_execution, token, signal) =>
    token.length === 0
      ? Promise.resolve(page(0, 2))
      : new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(grpcError(1)));
          client.abort();
        });
  expect(cursors(await collect(read, { signal: client.signal }))).toEqual(['1.0', '2.0']);
});

test('while nothing happens, attempts that failed are told; not being able to tell harms nothing', async () => {
  let looks = 0;
  let release: (page: HistoryPage) => void;
  const read: ReadHistory = (_execution, token) =>
    token.length === 0 ? Promise.resolve(page(0, 2)) : new Promise((resolve) => (release = resolve));
  const readPending = (): Promise<PendingActivity[]> => {
    looks += 1;
    if (looks === 1) return Promise.reject(UNAVAILABLE);
    if (looks === 3) release(page(2, 4));
    return Promise.resolve([{ activityId: '2', activityType: { name: 'runTests' }, attempt: 2 }]);
  };
  const frames = await collect(read, { readPending });
  expect(cursors(frames)).toEqual(['1.0', '2.0', undefined, ...ALL.slice(2)]);
  expect(frames[2]).toMatchObject({ state: 'retrying', attempt: 2 });
});

describe('output that is followed live', () => {
  const logged = (text: string): LogEvent => {
    const key = 'submission-s1/run-1/tests/run';
    const data = Buffer.from(text);
    return {
      type: 'lines',
      lines: [
        { type: 'start', execution: 'e1', key },
        { type: 'output', stream: 'stdout', offset: 0, data },
      ],
    };
  };

  /** A log that emits one event, and a history in which the tests end when the test calls `complete`. */
  function sources() {
    let complete: () => void = () => undefined;
    const asked: Parameters<FollowLog>[] = [];
    const readHistory: ReadHistory = (_execution, token, signal) =>
      token.length === 0
        ? Promise.resolve(page(0, 2))
        : new Promise((resolve, reject) => {
            complete = () => resolve(page(2, 4));
            signal.addEventListener('abort', () => reject(grpcError(1)));
          });
    async function* followLog(...args: Parameters<FollowLog>): AsyncGenerator<LogEvent> {
      asked.push(args);
      yield logged('Hel');
      await new Promise((resolve) => args[1].signal.addEventListener('abort', resolve));
    }
    return { readHistory, followLog, asked, complete: () => complete() };
  }

  test('comes while the tests go on, and the rest of it when they are over', async () => {
    const { readHistory, followLog, asked, complete } = sources();
    const idle = { ms: 60_000, longestMs: 60_000 };
    const settings = { progress: true, after: null, signal: new AbortController().signal, logger, idle };
    const all = { followHistory: historyFrom(readHistory), followLog, readPending: nothingPending };
    const texts: unknown[] = [];
    for await (const frame of follow(all, submission, settings)) {
      if (!('type' in frame) || frame.type !== 'output') continue;
      texts.push([frame.cursor, frame.text]);
      complete();
    }
    expect(texts).toEqual([
      ['2.e1.3.0', 'Hel'],
      ['2.e1.6.0', 'lo\n'],
    ]);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.[0]).toBe('test');
    expect(asked[0]?.[1].signal.aborted).toBe(true);
  });

  test('is asked for neither without progress, nor for tests that are over', async () => {
    const followLog = jest.fn();
    await collect(answers(page(0, 4)), { followLog });
    await collect(answers(page(0, 2), page(2, 2), page(2, 4)), { followLog, progress: false });
    expect(followLog).not.toHaveBeenCalled();
  });

  test('that cannot be followed holds nothing up', async () => {
    const { readHistory, complete } = sources();
    const followLog = () => {
      setTimeout(complete, 5);
      throw new Error('no cluster');
    };
    expect(cursors(await collect(readHistory, { followLog })).filter((cursor) => cursor)).toEqual(ALL);
  });
});

test('whoever has the final frame is told that nothing follows', async () => {
  const after = { event: 4, index: 0 };
  await expect(collect(answers(page(0, 4)), { after })).rejects.toThrow(NothingFollows);
});

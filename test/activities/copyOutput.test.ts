import { outputOfReport } from '../../activities/outputDocuments';
import type { LogDocument } from '../../activities/ports';
import { copyOutput } from '../../activities/copyOutput';
import type { TestReport, TruncatedOutput } from '../../activities/testReport';
import { allOf, middlesOf } from '../../activities/truncatedOutput';
import { pass, platformError } from '../scripted/ports';

const provenance = {
  ...{ userId: 'ada', submissionId: 's', codeDigest: 'd', workflowId: 'w', runId: 'r', keyId: 'k' },
};
const origin = { provenance, namespace: 'user-ada', at: '2026-01-01T00:00:00.000Z' };
const execution = { key: 'key/run', name: 'run', executionId: 'e1' };
const nothing = { text: '', bytes: 0, truncated: false };

interface Place {
  offset: number;
  bytes: number;
  data?: string;
  lost?: true;
}
const placeOf = (document: LogDocument) => document.output as Place;
const bytesOf = (document: LogDocument) => {
  const { data } = placeOf(document);
  return data === undefined ? Buffer.from(document.message as string) : Buffer.from(data, 'base64');
};

/** A log store, and a test pod that prints `printed` and still has the first `kept` bytes of it. */
function stores(printed: Buffer, kept = printed.length, pod: () => void = () => undefined) {
  const documents = new Map<string, LogDocument>();
  const outputLog = {
    write: (written: LogDocument[]) => {
      for (const document of written) documents.set(document._id, document);
      return Promise.resolve({ rejected: 0 });
    },
  };
  const never = () => Promise.reject(new Error('not asked for here'));
  const read = (_user: string, { start, end }: TruncatedOutput) => {
    pod();
    return Promise.resolve(printed.subarray(start, Math.min(end, kept)));
  };
  const testRunner = { run: never, feed: never, writeLogLine: () => undefined, read } as never;
  return { documents, store: { outputLog, testRunner } };
}

const context = { signal: new AbortController().signal, heartbeat: () => undefined };
const all = (printed: Buffer): TruncatedOutput[] => [
  { ...execution, stream: 'stdout', start: 0, end: printed.length },
];

/** A long text with multi-byte characters, so that pieces are cut within characters. */
const TEXT = Buffer.from('né→𝄞 '.repeat(100_000));
const BINARY = Buffer.from(Array.from({ length: 300_000 }, (_, n) => (n * 7) % 256));

test.each([
  ['text', TEXT],
  ['bytes', BINARY],
])('%s comes whole, in pieces that follow on each other', async (_, printed) => {
  const { documents, store } = stores(printed);
  const report = await copyOutput(store, origin, all(printed), context, false);
  expect(report).toEqual({ storedBytes: printed.length, lostBytes: 0 });
  const pieces = [...documents.values()];
  let end = 0;
  for (const piece of pieces) {
    expect(placeOf(piece).offset).toBe(end);
    end += placeOf(piece).bytes;
  }
  expect(Buffer.concat(pieces.map(bytesOf)).equals(printed)).toBe(true);
  // Archiving again writes the same documents.
  const ids = [...documents.keys()];
  await copyOutput(store, origin, all(printed), context, false);
  expect([...documents.keys()]).toEqual(ids);
});

test('text is kept as text wherever it is cut', async () => {
  const { documents, store } = stores(TEXT);
  await copyOutput(store, origin, all(TEXT), context, false);
  expect([...documents.values()].every(({ message }) => typeof message === 'string')).toBe(true);
});

test('what the pod has not is said', async () => {
  const { documents, store } = stores(BINARY, 100_000);
  const report = await copyOutput(store, origin, all(BINARY), context, false);
  expect(report).toEqual({ storedBytes: 100_000, lostBytes: 200_000 });
  const last = [...documents.values()].at(-1)!;
  expect(last._id).toBe('w:r:e1:stdout:100000:lost');
  expect(placeOf(last)).toMatchObject({ offset: 100_000, bytes: 200_000, lost: true });
  expect(last.message).toContain('200000 bytes of output were lost');
});

test('a pod that is gone has nothing; one that does not answer is asked again, but not for ever', async () => {
  const gone = stores(BINARY, 0, () => {
    throw platformError('EnvironmentMissing', 'no pod');
  });
  expect(await copyOutput(gone.store, origin, all(BINARY), context, false)).toMatchObject({
    lostBytes: 300_000,
  });
  const silent = stores(BINARY, 0, () => {
    throw platformError('Unavailable', 'no answer');
  });
  await expect(copyOutput(silent.store, origin, all(BINARY), context, false)).rejects.toThrow('no answer');
  expect(await copyOutput(silent.store, origin, all(BINARY), context, true)).toMatchObject({
    lostBytes: 300_000,
  });
});

test('the report and the pod together have each byte once', () => {
  const printed = Buffer.from('é'.repeat(1_000));
  // As ReceivedOutput produces it from a head and a tail of 501 bytes each: split characters are omitted.
  const head = 'é'.repeat(250);
  const tail = 'é'.repeat(250);
  const text = `${head}\n[...]\n${tail}`;
  const stdout = { text, bytes: 2_000, truncated: true, gap: { end: 250, start: text.length - 250 } };
  const run = { ...pass, stdout, stderr: nothing };
  expect(middlesOf(execution, run)).toEqual([{ ...execution, stream: 'stdout', start: 500, end: 1_500 }]);
  expect(allOf(execution, run)).toEqual([{ ...execution, stream: 'stdout', start: 0, end: 2_000 }]);
  const report = { steps: [{ ...run, step: 'run' }] } as unknown as TestReport;
  const kept = outputOfReport(origin, report);
  expect(kept.map(placeOf)).toMatchObject([
    { offset: 0, bytes: 500 },
    { offset: 1_500, bytes: 500 },
  ]);
  expect(bytesOf(kept[1]!).equals(printed.subarray(1_500))).toBe(true);
});

test('a stream that was kept whole has no middle, and an empty one no document', () => {
  expect(middlesOf(execution, { ...pass, stderr: nothing })).toEqual([]);
  expect(allOf(execution, { ...pass, stdout: nothing, stderr: nothing })).toEqual([]);
  expect(
    outputOfReport(origin, { steps: [{ ...pass, stdout: nothing, step: 'run' }] } as unknown as TestReport),
  ).toEqual([]);
});

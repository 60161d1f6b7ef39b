import type { Client } from '@temporalio/client';
import type { RecordedRuns } from '../../infrastructure/elasticsearch/recordedRuns';
import { createLogger } from '../../infrastructure/logging';
import type { Execution } from '../../infrastructure/temporal/closedWorkflows';
import { LogSweep } from '../../worker/logSweep';
import type { Recorder } from '../../worker/recorder';
import { platformError } from '../scripted/ports';

const HOUR_MS = 3_600_000;

/** A Temporal that lists these runs, and a log that has some of them. */
function sweeping(closed: string[], stored: string[], checkpoint: Date | null) {
  const queries: string[] = [];
  const recorded: string[] = [];
  const written: Date[] = [];
  const list = async function* ({ query }: { query: string }) {
    queries.push(query);
    for (const runId of await Promise.resolve(closed)) yield { workflowId: `w-${runId}`, runId };
  };
  let failure: Error | null = null;
  const runs: RecordedRuns = {
    missing: (ids) => Promise.resolve(ids.filter((id) => !stored.includes(id))),
    readCheckpoint: () => (failure ? Promise.reject(failure) : Promise.resolve(written.at(-1) ?? checkpoint)),
    writeCheckpoint: (until) => Promise.resolve(void written.push(until)),
    close: () => Promise.resolve(),
  };
  const record = (executions: Execution[]) => {
    if (failure) return Promise.reject(failure);
    recorded.push(...executions.map(({ runId }) => runId));
    return Promise.resolve(executions.filter(({ runId }) => runId === 'unreadable'));
  };
  const sweep = new LogSweep({
    client: { workflow: { list } } as unknown as Client,
    taskQueue: 'q',
    runs,
    recorder: { record } as unknown as Recorder,
    logger: createLogger('test', 'fatal'),
  });
  const fail = (error: Error | null) => (failure = error);
  return { sweep, queries, recorded, written, fail };
}

test('what no worker recorded is recorded, and the checkpoint moves on', async () => {
  const { sweep, queries, recorded, written } = sweeping(['a', 'b', 'c'], ['b'], null);
  await sweep.sweep(null);
  expect(recorded).toEqual(['a', 'c']);
  expect(queries[0]).not.toContain('CloseTime');
  expect(written).toHaveLength(1);
  expect(sweep.behindSeconds).toBeLessThan(5);
});

test('a sweep looks back a little further than the checkpoint, as Temporal lists a workflow late', async () => {
  const { sweep, queries } = sweeping([], [], null);
  await sweep.sweep(new Date('2026-01-01T00:10:00Z'));
  expect(queries[0]).toContain("CloseTime >= '2026-01-01T00:08:00.000Z'");
});

test('while the log store is away the checkpoint stays, and how far the log is behind can be seen', async () => {
  const { sweep, written, fail } = sweeping(['a'], [], new Date(Date.now() - HOUR_MS));
  fail(platformError('Unavailable', 'no Elasticsearch'));
  await expect(sweep.sweep(new Date(Date.now() - HOUR_MS))).rejects.toThrow('no Elasticsearch');
  expect(written).toEqual([]);
  fail(null);
  const running = sweep.start(HOUR_MS * 2);
  await running.stop();
  expect(sweep.behindSeconds).toBeGreaterThan(3_500);
  await sweep.sweep(null);
  expect(sweep.behindSeconds).toBeLessThan(5);
});

test('another worker that swept within the last minute is not repeated', async () => {
  const { sweep, queries } = sweeping(['a'], [], new Date());
  const running = sweep.start();
  await running.stop();
  expect(queries).toEqual([]);
});

test('without a checkpoint everything that Temporal keeps is looked at: a log that was lost is rebuilt', async () => {
  const { sweep, queries, recorded } = sweeping(['a'], [], null);
  const running = sweep.start();
  await running.stop();
  expect(queries).toHaveLength(1);
  expect(recorded).toEqual(['a']);
});

test('a history that cannot be read keeps the checkpoint where it is, so that an alert comes', async () => {
  const { sweep, recorded, written } = sweeping(['a', 'unreadable', 'b'], [], null);
  await expect(sweep.sweep(null)).rejects.toThrow('1 workflows could not be recorded, such as w-unreadable.');
  expect(recorded).toEqual(['a', 'unreadable', 'b']);
  expect(written).toEqual([]);
});

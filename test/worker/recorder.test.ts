import { setTimeout as wait } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { temporal } from '@temporalio/proto';
import type { LogDocument } from '../../activities/ports';
import { createLogger } from '../../infrastructure/logging';
import type { Execution } from '../../infrastructure/temporal/closedWorkflows';
import { Recorder, type RecorderParts } from '../../worker/recorder';
import { platformError } from '../scripted/ports';

const { History } = temporal.api.history.v1;
const json = readFileSync(join(__dirname, '../replay/histories/0.2.0/tests_failed.json'), 'utf8');
const history = History.decode(History.encode(historyFromJSON(JSON.parse(json))).finish());
/** As of a workflow that does not record itself. */
const events = history.events.filter(
  ({ activityTaskScheduledEventAttributes: activity }) => activity?.activityType?.name !== 'recordActions',
);

const execution = (runId: string): Execution => ({ workflowId: `w-${runId}`, runId });

function recording(parts: Partial<RecorderParts> = {}) {
  const actions: LogDocument[][] = [];
  const output: LogDocument[][] = [];
  const trails: string[] = [];
  const storing = (stored: LogDocument[][]) => (documents: LogDocument[]) => {
    stored.push(documents);
    return Promise.resolve({ rejected: 0 });
  };
  const recorder = new Recorder({
    actionLog: { write: storing(actions) },
    outputLog: { write: storing(output) },
    readHistory: () => Promise.resolve(events),
    logger: createLogger('test', 'fatal'),
    onTrail: ({ provenance }) => trails.push(provenance.runId),
    ...parts,
  });
  const idle = async () => {
    while (recorder.waiting > 0) await wait(10);
  };
  return { recorder, actions, output, trails, idle };
}

test('workflows that end soon after each other are recorded together, each once', async () => {
  const { recorder, actions, output, trails, idle } = recording();
  for (const id of ['a', 'b', 'c', 'a']) recorder.ended(execution(id));
  await idle();
  await recorder.stop();
  expect(actions).toHaveLength(1);
  expect(output).toHaveLength(1);
  expect(trails.sort()).toEqual(['a', 'b', 'c']);
});

test('while the log store is away nothing is lost, and a verdict is counted once', async () => {
  let back = false;
  let attempts = 0;
  const stored: LogDocument[] = [];
  const write = (documents: LogDocument[]) => {
    attempts += 1;
    if (!back) return Promise.reject(platformError('Unavailable', 'no Elasticsearch'));
    stored.push(...documents);
    return Promise.resolve({ rejected: 0 });
  };
  const { recorder, trails, idle } = recording({ actionLog: { write } });
  for (const id of ['a', 'b']) recorder.ended(execution(id));
  while (attempts < 2) await wait(10);
  expect(recorder.waiting).toBe(2);
  back = true;
  await idle();
  await recorder.stop();
  expect(trails.sort()).toEqual(['a', 'b']);
  const ids = stored.map(({ _id }) => _id).sort();
  expect(ids).toEqual(['w-a:a:0', 'w-a:a:1', 'w-a:a:2', 'w-b:b:0', 'w-b:b:1', 'w-b:b:2']);
});

test('a workflow that announced its end and has not ended yet is read again, and in the end left to the sweep', async () => {
  let reads = 0;
  const { recorder, actions, idle } = recording({
    readHistory: ({ runId }) => {
      reads += 1;
      return Promise.resolve(runId === 'never' || reads < 3 ? events.slice(0, -1) : events);
    },
  });
  recorder.ended(execution('late'));
  await idle();
  expect(reads).toBe(3);
  expect(actions).toHaveLength(1);
  recorder.ended(execution('never'));
  await idle();
  await recorder.stop();
  expect(actions).toHaveLength(1);
});

test('a workflow that Temporal does not know any more is let go', async () => {
  const { recorder, actions, idle } = recording({
    readHistory: ({ workflowId, runId }) =>
      Promise.reject(new WorkflowNotFoundError('gone', workflowId, runId)),
  });
  recorder.ended(execution('gone'));
  await idle();
  await recorder.stop();
  expect(actions).toEqual([]);
});

test('a worker that stops records what it still has', async () => {
  const { recorder, actions } = recording();
  recorder.ended(execution('last'));
  await recorder.stop();
  expect(actions).toHaveLength(1);
});

test('a history that cannot be understood keeps no other waiting', async () => {
  const broken = [{ ...events[0]!, workflowExecutionStartedEventAttributes: {} }, ...events.slice(1)];
  const { recorder, trails, idle } = recording({
    readHistory: ({ runId }) => {
      if (runId === 'unreadable') return Promise.reject(new Error('no key k2'));
      return Promise.resolve(runId === 'broken' ? broken : events);
    },
  });
  for (const id of ['unreadable', 'broken', 'good']) recorder.ended(execution(id));
  await idle();
  await recorder.stop();
  expect(trails).toEqual(['good']);
});

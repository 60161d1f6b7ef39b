import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import {
  Client,
  Connection,
  WorkflowNotFoundError,
  type WorkflowHandle,
  type WorkflowHandleWithFirstExecutionRunId,
} from '@temporalio/client';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime } from '@temporalio/worker';
import pino from 'pino';
import { followHistory, temporalHistory } from '../../gateway/progress/history';
import { historyOf, type Execution } from '../../infrastructure/temporal/closedWorkflows';
import { Recorder } from '../../worker/recorder';
import { createWorker, workflowsPath } from '../../worker/worker';
import {
  operationIdOf,
  orderIdOf,
  SUBMIT_CODE,
  testQueueIdOf,
  workflowIdOf,
  type Program,
  type SubmitCodeInput,
  type Verdict,
} from '../../workflows/contract';
import { scripted, type Recording, type Script } from './ports';

const USER = 'test';

export type SubmitCode = (input: SubmitCodeInput) => Promise<Verdict>;

/** A submission in progress, as a test sees it. */
export interface Observed extends Recording {
  handle: WorkflowHandle<SubmitCode>;
  /** The deploy queue of its user. */
  order: WorkflowHandle;
  /** The test queue of its user; it exists once a submission waits. */
  testQueue: WorkflowHandle;
  /** Starts another submission of the same user, accepted this many milliseconds after the first. */
  another: (acceptedLaterMs: number, asked?: Partial<SubmitCodeInput>) => Promise<WorkflowHandle<SubmitCode>>;
  /** Starts an operation on this user's production, requested `laterMs` after the first submission. */
  operate: (type: string, laterMs: number, details?: object) => Promise<WorkflowHandle>;
  /** Resolves when the actions of every workflow that has ended are recorded. */
  recorded: () => Promise<void>;
  /** Resolves when the workflow schedules this activity, sends this signal, or announces its `verdict`. */
  reached: (name: string) => Promise<void>;
}

/** Runs the real workflow on a real Temporal, with scripted ports. */
export interface ScriptedTemporal {
  client: Client;
  /** Runs one submission on a separate worker, and passes it to `observe`. */
  submit<T>(
    script: Script,
    observe: (observed: Observed) => Promise<T>,
    program?: Partial<Program>,
    asked?: Partial<SubmitCodeInput>,
  ): Promise<T>;
  close(): Promise<void>;
}

/** Connects, and bundles the workflows once for many submissions. */
export async function connectScripted(address: string): Promise<ScriptedTemporal> {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  const workflowBundle = await bundleWorkflowCode({ workflowsPath, logger });
  const native = await NativeConnection.connect({ address });
  const client = new Client({ connection: await Connection.connect({ address }) });
  return {
    client,
    async submit(script, observe, program = {}, asked = {}) {
      const recording: Recording = { calls: [], documents: [], output: [] };
      const taskQueue = randomUUID();
      const settings = { namespace: 'default', taskQueue, workflowBundle };
      const ports = scripted(script, recording);
      const recorder = new Recorder({
        ...ports,
        readHistory: (execution) => historyOf(client, execution),
        logger: pino({ level: 'silent' }),
      });
      const onEnded = (execution: Execution) => recorder.ended(execution);
      const worker = await createWorker(native, { ...settings, onEnded }, ports);
      const acceptedAt = Date.now();
      const order = client.workflow.getHandle(orderIdOf(taskQueue, USER));
      const testQueue = client.workflow.getHandle(testQueueIdOf(taskQueue, USER));
      const another = (laterMs: number, others: Partial<SubmitCodeInput> = asked) =>
        start(client, taskQueue, acceptedAt + laterMs, program, others);
      const operate = (type: string, laterMs: number, details = {}) =>
        client.workflow.start(type, {
          taskQueue,
          workflowId: operationIdOf(randomUUID()),
          args: [
            {
              ...{ userId: USER, requestedBy: 'test', ...details },
              acceptedAt: new Date(acceptedAt + laterMs).toISOString(),
            },
          ],
        });
      return worker.runUntil(async () => {
        const handle = await another(0);
        const reached = async (name: string) => {
          for await (const event of events(client, handle)) if (event === name) return;
        };
        const recorded = async () => {
          while (recorder.waiting > 0) await wait(20);
        };
        try {
          return await observe({
            ...recording,
            handle,
            order,
            testQueue,
            another,
            operate,
            recorded,
            reached,
          });
        } finally {
          await Promise.all([order, testQueue].map(endOrder));
          await recorder.stop();
        }
      });
    },
    async close() {
      await client.connection.close();
      await native.close();
    },
  };
}

/** Without workers it would stay open forever. It does not exist if it was never needed. */
async function endOrder(order: WorkflowHandle): Promise<void> {
  await order.terminate('the test is over').catch((error: unknown) => {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  });
}

function start(
  client: Client,
  taskQueue: string,
  acceptedAt: number,
  program: Partial<Program>,
  asked: Partial<SubmitCodeInput>,
): Promise<WorkflowHandleWithFirstExecutionRunId<SubmitCode>> {
  const submissionId = randomUUID();
  const input: SubmitCodeInput = {
    submissionId,
    userId: USER,
    program: {
      language: 'python',
      files: { 'main.py': "print('Hello')" },
      entrypoint: 'main.py',
      requirements: [],
      ...program,
    },
    input: { stdin: '', args: [], env: {} },
    tests: null,
    limits: {},
    codeDigest: 'digest',
    acceptedAt: new Date(acceptedAt).toISOString(),
    ...asked,
  };
  const workflowId = workflowIdOf(submissionId);
  return client.workflow.start<SubmitCode>(SUBMIT_CODE, { taskQueue, workflowId, args: [input] });
}

/**
 * The activity types that a workflow schedules, the names of the signals that it sends, and `verdict` when it
 * announces it, in order.
 */
async function* events(
  client: Client,
  { workflowId, firstExecutionRunId: runId }: WorkflowHandleWithFirstExecutionRunId,
): AsyncGenerator<string> {
  const options = { signal: new AbortController().signal, logger: pino({ level: 'silent' }) };
  for await (const page of followHistory(temporalHistory(client), { workflowId, runId }, options))
    for (const event of page) {
      const scheduled = event.activityTaskScheduledEventAttributes?.activityType?.name;
      if (scheduled) yield scheduled;
      const signal = event.signalExternalWorkflowExecutionInitiatedEventAttributes?.signalName;
      if (signal) yield signal;
      if (event.workflowPropertiesModifiedEventAttributes) yield 'verdict';
    }
}

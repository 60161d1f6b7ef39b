import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils';
import type { CallContext, Program, RunReport, TestRunner } from '../../activities/ports';
import { findRunningStack } from '../../local-stack/stack';
import {
  crashed,
  deployedBefore,
  live,
  migrated,
  pass,
  platformError,
  scriptedPod,
  unavailableWhenCancelled,
  untilCancelled,
  type Script,
} from '../scripted/ports';
import { connectScripted, type Observed } from '../scripted/temporal';
import {
  INPUT_UPDATE,
  OPERATIONS,
  ORDER_QUERY,
  type InputPiece,
  type SubmitCodeInput,
} from '../../workflows/contract';
import type { DeployQueueState } from '../../workflows/deployQueue';

/**
 * `npm run record -- [PATH...]`: records a history of every path through the workflows into
 * test/replay/histories. Each test run replays them, and those of the last release, in a folder with its number. Run it after an intentionally incompatible change, and
 * for new paths. Do not run it to silence a failing replay: running workflows would fail in the same way.
 */

interface Path {
  script: Script;
  program?: Partial<Program>;
  asked?: Partial<SubmitCodeInput>;
  /** What happens to the submission while it runs. @returns another workflow to record instead */
  act?: (observed: Observed) => Promise<WorkflowHandle | void>;
}

const cancelAt = (activity: string) => async (observed: Observed) => {
  await observed.reached(activity);
  await observed.handle.cancel();
};

const PATHS: Record<string, Path> = {
  deployed: { script: {} },
  tests_failed: {
    script: { testRunner: { run: () => Promise.resolve({ ...pass, outcome: 'failed', exitCode: 1 }) } },
  },
  tests_passed: { script: {}, asked: { deploy: false } },
  timed_out: {
    script: { testRunner: { run: () => Promise.resolve({ ...pass, outcome: 'timed_out', exitCode: null }) } },
  },
  environment_deferred: { script: failingFirst('EnvironmentMissing', 1) },
  environment_prepared: { script: losingItsPod() },
  retried: { script: failingFirst('Unavailable', 2) },
  environment_stays_missing: {
    script: { testRunner: { run: () => Promise.reject(platformError('EnvironmentMissing', 'no pod')) } },
  },
  rejected: {
    script: { production: { applyDatabase: () => Promise.reject(platformError('Rejected', 'quota')) } },
  },
  rolled_back: { script: { production: { awaitRollout: () => Promise.resolve(crashed) } } },
  superseded: {
    script: { production: { awaitRollout: () => Promise.resolve({ ...live, outcome: 'superseded' }) } },
  },
  cancelled_in_run: {
    script: { testRunner: { run: (_: unknown, context: CallContext) => untilCancelled(context) } },
    act: cancelAt('runTests'),
  },
  cancelled_in_rollout: {
    script: { production: { awaitRollout: (_: unknown, context: CallContext) => untilCancelled(context) } },
    act: cancelAt('awaitRollout'),
  },
  failed_while_cancelled: {
    script: { testRunner: { run: (_: unknown, context: CallContext) => unavailableWhenCancelled(context) } },
    act: cancelAt('runTests'),
  },
  restored_from_memory: {
    script: {
      production: {
        awaitRollout: crashingFirst(),
        rollBack: () => Promise.reject(platformError('EnvironmentMissing', 'no files')),
      },
      workflowRecords: { read: () => Promise.resolve(deployedBefore) },
    },
  },
  tests_went_on: {
    script: { testRunner: { run: endingAfter(1_300) } },
    asked: { deploy: false },
  },
  tests_were_cut_off: { script: { testRunner: { run: notHeeding(6_000) } }, asked: { deploy: false } },
  tests_went_on_in_a_new_pod: {
    script: { testRunner: { run: replacingItsPod() } },
    asked: { deploy: false },
  },
  test_database: { script: failingFirst('EnvironmentMissing', 1), asked: { testDatabase: true } },
  test_database_stays: {
    script: { testDatabases: { drop: () => Promise.reject(platformError('Rejected', 'no')) } },
    asked: { testDatabase: true },
  },
  migrated: { script: {}, program: { migrate: 'main.py' } },
  migration_failed: {
    script: { production: { migrate: () => Promise.resolve({ ...migrated, outcome: 'failed' }) } },
    program: { migrate: 'main.py' },
  },
  output_stored: { script: { testRunner: { run: () => Promise.resolve(talkative) } } },
  interactive: {
    script: { testRunner: answering() },
    asked: { input: { stdin: '', args: [], env: {}, interactive: true } },
    act: async ({ handle, reached }) => {
      await reached('runTests');
      for (const text of ['a line\n', 'another\n'])
        await handle.executeUpdate(INPUT_UPDATE, { args: [piece(text)] });
      await handle.executeUpdate(INPUT_UPDATE, { args: [{ ...piece(''), eof: true }] });
    },
  },
  rolled_back_by_an_operator: {
    script: { workflowRecords: { read: () => Promise.resolve(deployedBefore) } },
    act: async ({ handle, operate }) => {
      await handle.result();
      return ended(await operate(OPERATIONS.rollback, 1, { submissionId: 'before' }));
    },
  },
  stopped: { script: {}, act: async ({ operate }) => ended(await operate(OPERATIONS.stop, 1)) },
  production_deleted: {
    script: {},
    act: async ({ operate }) => ended(await operate(OPERATIONS.delete, 1, { database: true })),
  },
  environment_deleted: {
    script: {},
    act: async ({ operate }) => ended(await operate(OPERATIONS.deleteEnvironment, 1)),
  },
  database_upgraded: {
    script: {},
    act: async ({ operate }) => ended(await operate(OPERATIONS.upgradeDatabase, 1, { discardOld: false })),
  },
  looked: { script: {}, act: async ({ operate }) => ended(await operate(OPERATIONS.live, 1)) },
  deployed_after_waiting: { script: slowRollout(), act: async ({ another }) => ended(await another(1)) },
  superseded_while_waiting: {
    script: slowRollout(),
    act: async ({ another, reached }) => {
      await reached('awaitRollout');
      const [second] = await Promise.all([another(1), another(2)]);
      return ended(second);
    },
  },
  order: {
    script: slowRollout(),
    act: async ({ another, reached, order }) => {
      await reached('awaitRollout');
      await Promise.all([1, 2, 3].map(async (later) => ended(await another(later))));
      return order;
    },
  },
  tests_in_turn: waitingForThePod(async ({ handle, another }, pod) => {
    const second = await another(1);
    await inTestQueue(second);
    pod.open();
    await handle.result();
    return ended(second);
  }),
  tests_in_turn_without_a_place: waitingForThePod(async ({ another }, pod) => {
    pod.fill();
    const second = await another(1);
    await inTestQueue(second);
    pod.open();
    return ended(second);
  }),
  cancelled_in_the_test_queue: waitingForThePod(async ({ another }) => {
    const others = [await another(1), await another(2), await another(3)];
    await Promise.all(others.map(inTestQueue));
    await others[2]!.cancel();
    await others[2]!.result().catch(() => undefined);
    return others[2]!;
  }),
  test_queue: waitingForThePod(async ({ handle, another, testQueue }, pod) => {
    const others = await Promise.all([1, 2, 3, 4].map((later) => another(later)));
    await Promise.all(others.map(inTestQueue));
    pod.open();
    await Promise.all([handle, ...others].map(ended));
    return testQueue;
  }),
  test_queue_with_dead_holders: waitingForThePod(async ({ another, testQueue }, pod) => {
    const others = [await another(1), await another(2), await another(3)];
    await Promise.all(others.map(inTestQueue));
    await Promise.all([others[0]!, others[1]!].map((each) => each.terminate()));
    pod.open();
    await others[2]!.result();
    return testQueue;
  }),
  order_with_a_dead_holder: {
    script: { production: { awaitRollout: (_: unknown, context: CallContext) => untilCancelled(context) } },
    act: async ({ another, reached, order, handle }) => {
      await reached('awaitRollout');
      const next = await another(1);
      await handle.terminate();
      while ((await order.query<DeployQueueState>(ORDER_QUERY)).holder?.workflowId !== next.workflowId);
      return order;
    },
  },
};

/** Runs `act` while a submission occupies the test pod. */
function waitingForThePod(
  act: (observed: Observed, pod: ReturnType<typeof scriptedPod>) => Promise<WorkflowHandle>,
): Path {
  const pod = scriptedPod();
  return {
    script: { testRunner: { run: pod.run } },
    asked: { deploy: false },
    act: async (observed) => {
      await observed.reached('runTests');
      return act(observed, pod).finally(pod.open);
    },
  };
}

/** Resolves when a submission has claimed its turn to test. */
async function inTestQueue(handle: WorkflowHandle): Promise<void> {
  for (;;) {
    const { events } = await handle.fetchHistory();
    const claimed = events?.some(
      (event) =>
        event.externalWorkflowExecutionSignaledEventAttributes ??
        event.childWorkflowExecutionStartedEventAttributes,
    );
    if (claimed) return;
    await wait(100);
  }
}

/** It printed more than its report contains. */
const talkative: RunReport = {
  ...pass,
  outcome: 'failed',
  exitCode: 1,
  stdout: { text: 'begin\nend\n', bytes: 200_010, truncated: true, gap: { start: 6, end: 6 } },
};

/** A program that reads its input to the end. */
function answering(): Partial<TestRunner> {
  let ended: () => void;
  const read = new Promise<void>((resolve) => (ended = resolve));
  return {
    run: async (_, { onInput }) => {
      onInput?.(0);
      await read;
      return pass;
    },
    feed: (_, { offset, pieces, eof }) => {
      if (eof) ended();
      const fed = Buffer.concat(pieces.map((data) => Buffer.from(data, 'base64'))).length;
      return Promise.resolve({ received: offset + fed });
    },
  };
}

const piece = (text: string): InputPiece => ({
  offset: null,
  data: Buffer.from(text).toString('base64'),
  bytes: Buffer.byteLength(text),
  eof: false,
});

/** A program that runs for longer than brief tests may take; the next attempt joins it. */
function endingAfter(ms: number): TestRunner['run'] {
  let over: Promise<void> | undefined;
  return async (_, context) => {
    over ??= wait(ms);
    context.heartbeat({ executionId: pass.executionId });
    await Promise.race([over, untilAborted(context)]);
    return pass;
  };
}

/** The first attempt does not end when it should, as on a worker that hangs. */
function notHeeding(ms: number): TestRunner['run'] {
  let attempts = 0;
  return async () => {
    if (++attempts === 1) await wait(ms);
    return pass;
  };
}

/** The same, but by the next attempt the pod is another one. */
function replacingItsPod(): TestRunner['run'] {
  let attempts = 0;
  return async (_, context) => {
    if (++attempts > 1) return { ...pass, executionId: 'e2' };
    context.heartbeat({ executionId: pass.executionId });
    return untilAborted(context);
  };
}

const untilAborted = ({ signal }: CallContext) =>
  new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error));
  });

/** Long enough for other submissions to arrive meanwhile. */
function slowRollout(): Script {
  return { production: { awaitRollout: () => wait(1_000, live) } };
}

/** The first program crashes, the next one becomes live. */
function crashingFirst() {
  let rollouts = 0;
  return () => Promise.resolve(rollouts++ === 0 ? crashed : live);
}

async function ended(handle: WorkflowHandle): Promise<WorkflowHandle> {
  await handle.result();
  return handle;
}

/** The pod is lost during its first run. */
function losingItsPod(): Script {
  let attempts = 0;
  const run = (_: unknown, context: CallContext) => {
    if (++attempts > 1) return Promise.resolve(pass);
    context.heartbeat({ executionId: pass.executionId });
    return Promise.reject(platformError('EnvironmentMissing', 'no pod'));
  };
  return { testRunner: { run } };
}

function failingFirst(failure: string, times: number): Script {
  let attempts = 0;
  const run = () =>
    ++attempts > times ? Promise.resolve(pass) : Promise.reject(platformError(failure, 'not yet'));
  return { testRunner: { run } };
}

async function main(asked: string[]): Promise<void> {
  const names = asked.length > 0 ? asked : Object.keys(PATHS);
  const unknown = names.find((name) => !PATHS[name]);
  if (unknown !== undefined)
    throw new Error(`There is no path ${unknown}: it is one of ${Object.keys(PATHS).join(', ')}.`);
  const address = process.env.TEMPORAL_ADDRESS ?? findRunningStack()?.temporalAddress;
  if (!address)
    throw new Error(
      'No local stack runs. Start one with `npm run stack`, or name a server in TEMPORAL_ADDRESS.',
    );
  const folder = join(__dirname, 'histories');
  await mkdir(folder, { recursive: true });
  const temporal = await connectScripted(address);
  try {
    for (const name of names) {
      const { script, act, program, asked } = PATHS[name]!;
      const history = await temporal.submit(
        script,
        async (observed) => {
          const instead = await act?.(observed);
          if (instead) return instead.fetchHistory();
          // The history contains how it ends; a path that ends with a failure is recorded like any other.
          await observed.handle.result().catch(() => undefined);
          return observed.handle.fetchHistory();
        },
        program,
        asked,
      );
      await writeFile(join(folder, `${name}.json`), `${withoutPlaces(historyToJSON(history))}\n`);
      console.log(`recorded ${name}`);
    }
  } finally {
    await temporal.close();
  }
}

/** Removes where it was recorded, and by which process. */
function withoutPlaces(json: string): string {
  const checkout = `${resolve(__dirname, '..', '..')}/`;
  const process = /\d+@[\w.-]+/g; // As the SDK identifies workers and clients.
  return json.replaceAll(checkout, '').replaceAll(process, 'recorder');
}

main(process.argv.slice(2)).then(
  () => process.exit(0),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

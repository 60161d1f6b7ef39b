import { WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { scriptedPod } from '../scripted/ports';
import { connectScripted, type Observed, type ScriptedTemporal } from '../scripted/temporal';
import { TEST_QUEUE_QUERY } from '../../workflows/contract';
import type { TestQueueState } from '../../workflows/testQueueState';
import { stack } from './stack';

/** Submissions that wait for their user's test pod, on a real Temporal. */

let temporal: ScriptedTemporal;

beforeAll(async () => {
  temporal = await connectScripted(stack().temporalAddress);
});

afterAll(() => temporal?.close());

const idOf = ({ workflowId }: Observed['handle']) => workflowId.replace('submission-', '');
const TESTED = { deploy: false } as const;

/** Runs one submission that occupies the test pod, and passes it to `observe`. */
async function besideOne(
  observe: (observed: Observed, pod: ReturnType<typeof scriptedPod>) => Promise<void>,
) {
  const pod = scriptedPod();
  await temporal.submit({ testRunner: { run: pod.run } }, (observed) => observe(observed, pod), {}, TESTED);
}

test('many that wait hold no activity but those of the next two, and run in the order in which they were accepted', async () => {
  await besideOne(async ({ handle, another, testQueue, reached }, pod) => {
    await reached('runTests');
    // The last accepted submissions arrive first.
    const others: Observed['handle'][] = [];
    for (let later = 12; later > 0; later--) others.unshift(await another(later));
    const { holders } = await waiting(testQueue, others.length);
    expect(holders).toHaveLength(2);
    await until(() => pod.calls() === 3);
    const pending = await Promise.all([handle, ...others].map(activities));
    expect(pending.reduce((sum, count) => sum + count)).toBe(3);

    pod.open();
    const verdicts = await Promise.all([handle, ...others].map((each) => each.result()));
    expect(new Set(verdicts.map(({ status }) => status))).toEqual(new Set(['tests_passed']));
    // Submissions that already had a turn when older ones arrived keep it.
    const first = [idOf(handle), ...holders.map(({ workflowId }) => workflowId.replace('submission-', ''))];
    const rest = others.map(idOf).filter((id) => !first.includes(id));
    expect(pod.ended).toEqual([...first, ...rest]);
  });
});

test('one that is cancelled while it waits ends at once, and never runs', async () => {
  await besideOne(async ({ handle, another, testQueue, reached }, pod) => {
    await reached('runTests');
    const others: Observed['handle'][] = [];
    for (const later of [1, 2, 3]) {
      others.push(await another(later));
      await waiting(testQueue, later);
    }
    await others[2]!.cancel();
    await expect(others[2]!.result()).rejects.toThrow(WorkflowFailedError);
    await waiting(testQueue, 2);
    pod.open();
    await Promise.all([handle, others[0]!, others[1]!].map((each) => each.result()));
    expect(pod.ended).toEqual([handle, others[0]!, others[1]!].map(idOf));
  });
});

test('holders that are terminated do not block those that wait', async () => {
  await besideOne(async ({ handle, another, testQueue, reached }, pod) => {
    await reached('runTests');
    const others = [await another(1), await another(2), await another(3)];
    await waiting(testQueue, 3);
    await Promise.all([others[0]!, others[1]!].map((each) => each.terminate()));
    pod.open();
    expect((await handle.result()).status).toBe('tests_passed');
    expect((await others[2]!.result()).status).toBe('tests_passed');
  });
});

test('one that comes when all others are through does not wait for a turn', async () => {
  await besideOne(async ({ handle, another, testQueue, reached }, pod) => {
    await reached('runTests');
    const second = await another(1);
    await waiting(testQueue, 1);
    pod.open();
    await Promise.all([handle.result(), second.result()]);
    const third = await another(2);
    expect((await third.result()).status).toBe('tests_passed');
    const { events } = await third.fetchHistory();
    expect(events?.filter((event) => event.signalExternalWorkflowExecutionInitiatedEventAttributes)).toEqual(
      [],
    );
  });
});

/** Waits until `count` submissions are in the queue. */
async function waiting(queue: Observed['testQueue'], count: number): Promise<TestQueueState> {
  for (;;) {
    const state = await queue.query<TestQueueState>(TEST_QUEUE_QUERY).catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError) return { holders: [], waiting: [] };
      throw error;
    });
    if (state.holders.length + state.waiting.length === count) return state;
  }
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** How many activities of a workflow are in progress. */
async function activities(handle: Observed['handle']): Promise<number> {
  const { raw } = await handle.describe();
  return raw.pendingActivities?.length ?? 0;
}

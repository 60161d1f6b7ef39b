import { WorkflowFailedError } from '@temporalio/client';
import type { CallContext, RolloutReport } from '../../activities/ports';
import { deployedBefore, live, untilCancelled } from '../scripted/ports';
import { connectScripted, type Observed, type ScriptedTemporal } from '../scripted/temporal';
import { LEAVE_TURN_SIGNAL, OPERATIONS } from '../../workflows/contract';
import { stack } from './stack';

/** The order in which one user's submissions are deployed, on a real Temporal. */

let temporal: ScriptedTemporal;

beforeAll(async () => {
  temporal = await connectScripted(stack().temporalAddress);
});

afterAll(() => temporal?.close());

/** Rollouts that end when the test lets them, and the maximum number of concurrent ones. */
function rollouts() {
  let underWay = 0;
  let most = 0;
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  const awaitRollout = async (): Promise<RolloutReport> => {
    most = Math.max(most, ++underWay);
    await opened;
    underWay--;
    return live;
  };
  return { awaitRollout, open, most: () => most };
}

const statusesOf = async (handles: Observed['handle'][]) => {
  const verdicts = await Promise.all(handles.map((handle) => handle.result()));
  return verdicts.map(({ status, supersededBy }) =>
    supersededBy ? `superseded by ${supersededBy}` : status,
  );
};

const idOf = ({ workflowId }: Observed['handle']) => workflowId.replace('submission-', '');

test('ten submissions at once: one rollout at a time, the last accepted is live, the others say what replaced them', async () => {
  const { awaitRollout, open, most } = rollouts();
  await temporal.submit({ production: { awaitRollout } }, async ({ handle, another, order, reached }) => {
    await reached('awaitRollout');
    const others = await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9].map((later) => another(later)));
    await waiting(order, 1, idOf(others[8]!));
    open();
    const statuses = await statusesOf([handle, ...others]);
    expect(statuses.at(0)).toBe('deployed');
    expect(statuses.at(-1)).toBe('deployed');
    for (const status of statuses.slice(1, -1)) expect(status).toMatch(/^superseded by /);
    expect(most()).toBe(1);
  });
});

test('a submission releases its turn before it ends, so the next one does not wait for a check', async () => {
  await temporal.submit({}, async ({ handle, order }) => {
    expect((await handle.result()).status).toBe('deployed');
    const { events } = await order.fetchHistory();
    const signals = events?.map((event) => event.workflowExecutionSignaledEventAttributes?.signalName);
    expect(signals).toContain(LEAVE_TURN_SIGNAL);
  });
});

test('a submission that is cancelled while it waits ends at once, and what is live stays', async () => {
  const { awaitRollout, open } = rollouts();
  await temporal.submit(
    { production: { awaitRollout } },
    async ({ handle, another, order, reached, calls }) => {
      await reached('awaitRollout');
      const second = await another(1);
      await waiting(order, 1, idOf(second));
      await second.cancel();
      await expect(second.result()).rejects.toThrow(WorkflowFailedError);
      open();
      expect((await handle.result()).status).toBe('deployed');
      expect(calls.filter((call) => call === 'applyProgram')).toHaveLength(1);
    },
  );
});

test.each(['cancelled', 'terminated'] as const)(
  'a holder that is %s does not block the next one',
  async (how) => {
    let rollouts = 0;
    const awaitRollout = (_: unknown, context: CallContext) =>
      ++rollouts === 1 ? untilCancelled(context) : Promise.resolve(live);
    await temporal.submit({ production: { awaitRollout } }, async ({ handle, another, order, reached }) => {
      await reached('awaitRollout');
      const second = await another(1);
      await waiting(order, 1, idOf(second));
      await (how === 'cancelled' ? handle.cancel() : handle.terminate());
      expect((await second.result()).status).toBe('deployed');
    });
  },
);

test('a deletion waits for a rollout that goes on, and no later submission takes its place', async () => {
  const { awaitRollout, open } = rollouts();
  await temporal.submit(
    { production: { awaitRollout } },
    async ({ handle, another, operate, order, reached, calls }) => {
      await reached('awaitRollout');
      const deletion = await operate(OPERATIONS.delete, 1, { database: true });
      const later = await another(2);
      await waiting(order, 2, idOf(later));
      expect(calls).not.toContain('removeAll');
      open();
      expect(await deletion.result()).toMatchObject({ status: 'done' });
      expect(await statusesOf([handle, later])).toEqual(['deployed', 'deployed']);
      expect(calls.indexOf('removeAll')).toBeLessThan(calls.lastIndexOf('applyProgram'));
    },
  );
});

test('a rollback that waits is replaced by a submission that was accepted later', async () => {
  const { awaitRollout, open } = rollouts();
  const workflowRecords = { read: () => Promise.resolve(deployedBefore) };
  await temporal.submit(
    { production: { awaitRollout }, workflowRecords },
    async ({ handle, another, operate, order, reached }) => {
      await reached('awaitRollout');
      const rollback = await operate(OPERATIONS.rollback, 1, { submissionId: 'before' });
      await waiting(order, 1, rollback.workflowId);
      const later = await another(2);
      expect(await rollback.result()).toMatchObject({
        status: 'superseded',
        message: expect.stringContaining(idOf(later)) as string,
      });
      open();
      expect(await statusesOf([handle, later])).toEqual(['deployed', 'deployed']);
    },
  );
});

test('an order that an operator ended is begun again by those who wait', async () => {
  const { awaitRollout, open } = rollouts();
  await temporal.submit({ production: { awaitRollout } }, async ({ handle, another, order, reached }) => {
    await reached('awaitRollout');
    const second = await another(1);
    await waiting(order, 1, idOf(second));
    await order.terminate();
    open();
    expect(await statusesOf([handle, second])).toEqual(['deployed', 'deployed']);
  });
});

/** Resolves when `count` submissions wait for their turn, and this one is the last. */
async function waiting(order: Observed['order'], count: number, id: string): Promise<void> {
  for (;;) {
    const { waiting } = await order.query<{ waiting: { id: string }[] }>('order');
    if (waiting.length === count && waiting.at(-1)?.id === id) return;
  }
}

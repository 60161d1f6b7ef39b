/**
 * The part that a user's two queues have in common (productionOrder.ts, testQueue.ts). Workflows claim a turn, and wait.
 * A turn is the right to use something that few may use at a time: to change production, or to run in the test pod. The
 * workflow that has it is its holder, until it leaves.
 */
import { condition, continueAsNew, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import type { SignalDefinition } from '@temporalio/workflow';

/** The claims of a queue, and whose turn it is. */
interface TurnQueue<Claim, Leaving extends unknown[], Notification> {
  readonly state: { waiting: Claim[] };
  /** Notifications to send, oldest first: most grant a turn. They are removed as they are sent. */
  readonly notifications: Notification[];
  claim(claim: Claim): void;
  leave(...leaving: Leaving): void;
  /**
   * A liveness probe: notifies the holders of a turn again. They ignore it, but it cannot be delivered to a workflow
   * that has ended.
   * @returns false if there are no holders
   */
  probeHolders(): boolean;
}

interface ServeQueueOptions<Claim, Leaving extends unknown[], Notification> {
  claimSignal: SignalDefinition<[Claim]>;
  leaveSignal: SignalDefinition<Leaving>;
  /** Signals the workflow that a notification is for. */
  send: (notification: Notification) => Promise<void>;
  /** Called when a notification cannot be delivered, normally because the workflow has ended. Ends its turn. */
  onUndeliverable: (notification: Notification) => void;
  /** How often to probe the holders of a turn while others wait. */
  checkEvery: Duration;
  /** After this time without a signal, and with no holders, the queue ends. The next claim starts a new one. */
  idle: Duration;
}

type Duration = `${number} ${'s' | 'min' | 'd'}`;

/**
 * The body of a workflow that is a queue: receives claims as signals, and notifies their workflows with signals. Returns
 * when the queue is idle: no signals for a while, and no holders.
 */
export async function serveQueue<Claim, Leaving extends unknown[], Notification>(
  queue: TurnQueue<Claim, Leaving, Notification>,
  options: ServeQueueOptions<Claim, Leaving, Notification>,
): Promise<void> {
  const { claimSignal, leaveSignal, send, onUndeliverable, checkEvery, idle } = options;
  let signaled = false;
  setHandler(claimSignal, (claim) => {
    signaled = true;
    queue.claim(claim);
  });
  setHandler(leaveSignal, (...leaving) => {
    signaled = true;
    queue.leave(...leaving);
  });

  for (;;) {
    for (let next = queue.notifications.shift(); next !== undefined; next = queue.notifications.shift()) {
      try {
        await send(next);
      } catch (error) {
        if (isCancellation(error)) throw error;
        // Temporal itself retries a signal. It fails when the workflow has ended, or has received as many signals as
        // the server permits. In both cases the workflow cannot be notified, so it does not keep the others waiting.
        onUndeliverable(next);
      }
    }
    if (workflowInfo().continueAsNewSuggested) await continueAsNew(queue.state);

    signaled = false;
    const { waiting } = queue.state;
    if (await condition(() => signaled, waiting.length > 0 ? checkEvery : idle)) continue;
    if (!queue.probeHolders()) return;
  }
}

import { condition, continueAsNew, isCancellation, setHandler, workflowInfo } from '@temporalio/workflow';
import type { SignalDefinition } from '@temporalio/workflow';

/** The state of a queue of workflows that wait for a turn. */
interface TurnQueue<Claim, Leaving extends unknown[], Answer> {
  readonly state: { waiting: Claim[] };
  /** Answers to send, oldest first. They are removed as they are sent. */
  readonly answers: Answer[];
  claim(claim: Claim): void;
  leave(...leaving: Leaving): void;
  /** Adds the answers of the holders of a turn again. @returns false if there are no holders */
  answerHoldersAgain(): boolean;
}

interface Serving<Claim, Leaving extends unknown[], Answer> {
  claimSignal: SignalDefinition<[Claim]>;
  leaveSignal: SignalDefinition<Leaving>;
  /** Signals the workflow that an answer is for. */
  send: (answer: Answer) => Promise<void>;
  /** Called for an answer to a workflow that has ended. */
  onEnded: (answer: Answer) => void;
  /** How often to check whether the holders of a turn still exist, while others wait. */
  checkEvery: Duration;
  /** After this time without a signal, the queue ends, and the next claim starts a new one. */
  idle: Duration;
}

type Duration = `${number} ${'s' | 'min' | 'd'}`;

/**
 * The body of a workflow that is a queue: claims arrive as signals, and it answers with signals. It detects a holder
 * that ended without leaving, because a signal to a closed workflow fails. Returns when the queue is idle.
 */
export async function serveQueue<Claim, Leaving extends unknown[], Answer>(
  queue: TurnQueue<Claim, Leaving, Answer>,
  { claimSignal, leaveSignal, send, onEnded, checkEvery, idle }: Serving<Claim, Leaving, Answer>,
): Promise<void> {
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
    for (let answer = queue.answers.shift(); answer !== undefined; answer = queue.answers.shift()) {
      try {
        await send(answer);
      } catch (error) {
        if (isCancellation(error)) throw error;
        onEnded(answer);
      }
    }
    if (workflowInfo().continueAsNewSuggested) await continueAsNew(queue.state);

    signaled = false;
    const { waiting } = queue.state;
    if (await condition(() => signaled, waiting.length > 0 ? checkEvery : idle)) continue;
    if (!queue.answerHoldersAgain()) return;
  }
}

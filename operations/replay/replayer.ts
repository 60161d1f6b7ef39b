import { Worker, type ReplayWorkerOptions, type WorkflowBundle } from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import { DeterminismViolationError } from '@temporalio/workflow';
import type { History, HistoryFile } from './history';

/** What today's workflow code does with a history. */
export type Replay =
  | { outcome: 'ok' }
  /** It takes other steps: a worker of today could not go on with such a run. */
  | { outcome: 'diverges'; message: string }
  /** It cannot be said: the history is not complete, or of a workflow that there is not. */
  | { outcome: 'failed'; message: string };

/** Replays histories against one bundle of workflow code. */
export class Replayer {
  /** @param dataConverter that of the workers whose histories these are */
  constructor(
    private readonly workflowBundle: WorkflowBundle,
    private readonly dataConverter: DataConverter = {},
  ) {}

  /** @param history as the client fetches it, or as it is exported */
  async replay(history: History | HistoryFile, workflowId: string): Promise<Replay> {
    try {
      await Worker.runReplayHistory(this.optionsFor(history), history, workflowId);
      return { outcome: 'ok' };
    } catch (error) {
      const { message } = error as Error;
      const outcome = error instanceof DeterminismViolationError ? 'diverges' : 'failed';
      return { outcome, message };
    }
  }

  /** Names of other workflows have the task queue's in them, and a replay would make one up. */
  private optionsFor(history: History | HistoryFile): ReplayWorkerOptions {
    const [started] = history.events as History['events'] & object;
    const taskQueue = started?.workflowExecutionStartedEventAttributes?.taskQueue?.name;
    const { workflowBundle, dataConverter } = this;
    return { workflowBundle, dataConverter, ...(taskQueue && { taskQueue }) };
  }
}

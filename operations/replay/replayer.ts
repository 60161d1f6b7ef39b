import {
  makeTelemetryFilterString,
  Runtime,
  Worker,
  type InjectedSinks,
  type Logger,
  type ReplayWorkerOptions,
  type WorkflowBundle,
} from '@temporalio/worker';
import type { DataConverter } from '@temporalio/common';
import { DeterminismViolationError } from '@temporalio/workflow';
import type { RecordingSinks } from '../../workflows/recording';
import type { History, HistoryFile } from './history';

/** The result of replaying a history with this workflow code. */
export type Replay =
  | { outcome: 'ok' }
  /** The code takes other steps, so a worker with it could not continue such a run. */
  | { outcome: 'diverges'; message: string }
  /** Unknown: the history is incomplete, or its workflow type does not exist. */
  | { outcome: 'failed'; message: string };

/**
 * Installs Temporal's runtime for replays. The SDK's core prints each task that fails to stdout, also one that is
 * beyond the end of a history; here stdout is for results.
 */
export function installReplayRuntime(logger: Logger): void {
  const filter = makeTelemetryFilterString({ core: 'ERROR' });
  Runtime.install({ logger, telemetryOptions: { logging: { filter } } });
}

/** In a replay, the end of a workflow is ignored. */
const IGNORED: InjectedSinks<RecordingSinks> = { recording: { ended: { fn: () => undefined } } };

/** Replays histories against one bundle of workflow code. */
export class Replayer {
  /** @param dataConverter the converter of the workers that wrote the histories */
  constructor(
    private readonly workflowBundle: WorkflowBundle,
    private readonly dataConverter: DataConverter = {},
  ) {}

  /** @param history as fetched by the client, or as exported */
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

  /**
   * Sets the original task queue, because ids of other workflows contain its name. A replay would use another
   * one.
   */
  private optionsFor(history: History | HistoryFile): ReplayWorkerOptions {
    const [started] = history.events as History['events'] & object;
    const taskQueue = started?.workflowExecutionStartedEventAttributes?.taskQueue?.name;
    const { workflowBundle, dataConverter } = this;
    return { workflowBundle, dataConverter, sinks: IGNORED, ...(taskQueue && { taskQueue }) };
  }
}

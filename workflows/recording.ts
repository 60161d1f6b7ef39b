/**
 * How the actions of a workflow get into the log: not by the workflow, but from its history, once it has ended
 * (history/trail.ts).
 */
import { CancellationScope, patched, proxyActivities, proxySinks, type Sinks } from '@temporalio/workflow';
import type { Activities } from '../activities';
import { activityOptions } from './activityOptions';

const { recordActions } = proxyActivities<Activities>(activityOptions.recordActions);

/** What a workflow tells the worker that runs it. It is not told again when the workflow is replayed. */
export interface RecordingSinks extends Sinks {
  recording: { ended(): void };
}

const { recording } = proxySinks<RecordingSinks>();

/** Call this last: the worker reads the history, which is complete once the workflow has ended. */
export function tellEnded(): void {
  recording.ended();
}

/**
 * Older workflows recorded their actions by an activity. One that has scheduled it waits for it: its arguments
 * are in the history, so those given here are never used.
 */
export async function recordUnlessFromHistory(): Promise<void> {
  if (patched('log-from-history')) return;
  const nothing = { provenance: { userId: '', workflowId: '', runId: '' }, namespace: '', actions: [] };
  await CancellationScope.nonCancellable(() => recordActions(nothing));
}

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

/** What must be over before a workflow ends, and delays no verdict. */
export class BeforeEnd {
  /** Output on its way to the log store. */
  readonly archives: Promise<unknown>[] = [];
  /** Signals to other workflows: the server drops those of a workflow that ends in the same task. */
  readonly deliveries: Promise<unknown>[] = [];
}

/**
 * Call this last: waits, and tells the worker, which reads the history when the workflow has ended.
 *
 * Older workflows recorded their actions by an activity, and waited for no delivery. One that has scheduled
 * that activity goes on in this way: the arguments are in the history, so those given here are never used.
 * @param isNew whether the history is known to be of a workflow that does not record itself
 */
export async function end({ archives, deliveries }: BeforeEnd, isNew = false): Promise<void> {
  if (isNew || patched('log-from-history')) await Promise.all(deliveries);
  else await CancellationScope.nonCancellable(() => recordActions(NOTHING));
  await Promise.all(archives);
  recording.ended();
}

const NOTHING = { provenance: { userId: '', workflowId: '', runId: '' }, namespace: '', actions: [] };

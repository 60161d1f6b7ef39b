import { ActivityFailure, ApplicationFailure, isCancellation, TemporalFailure } from '@temporalio/workflow';
import type { Action } from '../activities/actions';
import type { Stage } from './contract';

/** How a stage's result appears in the log. */
type Reading = Partial<Pick<Action, 'outcome' | 'reason' | 'message' | 'details'>>;

/** Collects the actions of a submission, in order, for the log store. */
export class ActionRecorder {
  readonly actions: Action[] = [];

  /** Adds something that took no time. */
  record(name: string, reading: Reading = {}): void {
    const now = Date.now();
    this.actions.push({ name, outcome: 'success', startedAt: now, endedAt: now, ...reading });
  }

  /** Runs one stage and records its outcome, success or failure. */
  async stage<T>(
    stage: Stage,
    work: () => Promise<T>,
    read: (result: T) => Reading = () => ({}),
  ): Promise<T> {
    const name = `stage.${stage}`;
    const startedAt = Date.now();
    try {
      const result = await work();
      this.actions.push({ name, outcome: 'success', startedAt, endedAt: Date.now(), ...read(result) });
      return result;
    } catch (error) {
      this.actions.push({
        name,
        outcome: 'failure',
        startedAt,
        endedAt: Date.now(),
        ...describeFailure(error),
      });
      throw error;
    }
  }
}

/** Reason and message of a platform failure. Any other error is a bug and is rethrown. */
export function describeFailure(error: unknown): { reason: string; message: string } {
  if (!(error instanceof TemporalFailure)) throw error;
  if (isCancellation(error)) return { reason: 'cancelled', message: 'The submission was cancelled.' };
  const cause = error instanceof ActivityFailure && error.cause ? error.cause : error;
  const reason = cause instanceof ApplicationFailure ? (cause.type ?? 'Error') : cause.name;
  return { reason, message: cause.message };
}

/** True for a failure of this type, or an activity that failed with one. */
export function failedWith(error: unknown, type: string): boolean {
  const failure = error instanceof ActivityFailure ? error.cause : error;
  return failure instanceof ApplicationFailure && failure.type === type;
}

import type { ActionTrail } from '../../activities/actions';
import type { WorkerMetrics } from './metrics';

/** Counts a submission's verdict. Operations have none. @param trail complete */
export function countVerdict(
  { verdicts, submission, turn }: Pick<WorkerMetrics, 'verdicts' | 'submission' | 'turn'>,
  { provenance, actions }: ActionTrail,
): void {
  const finished = actions.find(({ name }) => name === 'submission.finished');
  const [first] = actions;
  if (provenance.submissionId === undefined || !first || !finished) return;
  const status = finished.reason ?? 'unknown';
  verdicts.inc({ status });
  submission.observe({ status }, (finished.endedAt - first.startedAt) / 1000);
  for (const { name, startedAt, endedAt } of actions)
    if (name === 'stage.await_turn') turn.observe((endedAt - startedAt) / 1000);
}

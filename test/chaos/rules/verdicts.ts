import type { Observations, SeenSubmission, Violation } from '../observations';

/** Every accepted submission has exactly one final status, the same for every observer. */
export function oneVerdict({ submissions, unknownWorkflows }: Observations): Violation[] {
  const unknown = unknownWorkflows.map((id) => ({
    rule: 'one verdict',
    text: `nobody sent the workflow ${id}`,
  }));
  return [...unknown, ...submissions.flatMap(verdictsOf)];
}

function verdictsOf({ id, finals, observers, acceptedAt, followed }: SeenSubmission): Violation[] {
  const violation = (text: string): Violation => ({ rule: 'one verdict', text, submissionId: id });
  if (acceptedAt === null) return [violation('Temporal does not know it')];
  const silent = observers.filter((name) => !finals.some(({ observer }) => observer === name));
  const statuses = new Map(finals.map(({ observer, status, reason }) => [observer, `${status}/${reason}`]));
  const wholes = finals.flatMap(({ whole }) => (whole === undefined ? [] : [whole]));
  return [
    ...silent.map((name) => violation(`${name} has no final status`)),
    ...(new Set(statuses.values()).size > 1
      ? [violation(`observers differ: ${[...statuses].map((entry) => entry.join(' says ')).join(', ')}`)]
      : []),
    ...(new Set(wholes).size > 1
      ? [violation(`final frames differ: ${[...new Set(wholes)].join(' AND ')}`)]
      : []),
    ...followed
      .filter((frames) => frames.filter((frame) => 'status' in frame).length > 1)
      .map(() => violation('a client got more than one final frame')),
  ];
}

/** The verdict is true of the program: no fault of the platform is reported as the program's. */
export function trueVerdict({ submissions }: Observations): Violation[] {
  return submissions.flatMap((submission) => {
    const [final] = submission.finals;
    if (!final || isTrue(submission, final.status, final.reason)) return [];
    const text = `${submission.kind} of ${submission.user} ended as ${final.status}/${final.reason}`;
    return [{ rule: 'true verdict', text, submissionId: submission.id }];
  });
}

function isTrue({ truth, cancelAsked }: SeenSubmission, status: string, reason: string | null): boolean {
  if (status === 'cancelled') return cancelAsked;
  if (!truth.passes) return status === 'tests_failed' && reason === truth.reason;
  if (status === 'deployed') return truth.worksInProduction;
  return status === 'superseded' || status === 'deploy_failed';
}

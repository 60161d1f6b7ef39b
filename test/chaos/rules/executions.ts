import type { Observations, Violation } from '../observations';

/** What was executed more than once is what was reported so, and a migration is executed once. */
export function toldExecutions({ submissions }: Observations): Violation[] {
  return submissions.flatMap((submission) => {
    const { id, executions, testStages, toldExecutedAgain, executionLost, migrations } = submission;
    const violation = (text: string): Violation => ({ rule: 'executions', text, submissionId: id });
    // Without a verdict on the tests there is nothing that could say so.
    const silent = toldExecutedAgain === false;
    return [
      ...executions
        .filter(({ times }) => times > testStages && silent)
        .map(({ unit, times }) =>
          violation(`${unit} was executed ${times} times in ${testStages} stages, and nothing says so`),
        ),
      ...executions
        .filter(({ times }) => times > 1 && !executionLost)
        .map(({ unit, times }) =>
          violation(`${unit} was executed ${times} times, and no fault asked for it`),
        ),
      ...(toldExecutedAgain && !executionLost
        ? [violation('it is told as executed again, and no fault can have lost an execution')]
        : []),
      ...(migrations > 1 ? [violation(`its migration was executed ${migrations} times`)] : []),
    ];
  });
}

/** Of tests that came to an end every unit was executed. */
export function executed({ submissions }: Observations): Violation[] {
  return submissions.flatMap(({ id, finals, executions }) => {
    if (finals[0]?.status !== 'tests_failed' && finals[0]?.status !== 'deployed') return [];
    return executions
      .filter(({ times }) => times === 0)
      .map(({ unit }) => ({ rule: 'executions', text: `${unit} was never executed`, submissionId: id }));
  });
}

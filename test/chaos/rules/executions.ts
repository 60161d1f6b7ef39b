import type { Observations, Violation } from '../observations';

/** Repeated executions are reported as such, and a migration is executed only once. */
export function toldExecutions({ submissions }: Observations): Violation[] {
  return submissions.flatMap((submission) => {
    const { id, executions, testStages, toldExecutedAgain, executionLost, migrations } = submission;
    const violation = (text: string): Violation => ({ rule: 'executions', text, submissionId: id });
    // Without a verdict on the tests, nothing could report it.
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

/** Every unit of tests that ended was executed. */
export function executed({ submissions }: Observations): Violation[] {
  return submissions.flatMap(({ id, finals, executions }) => {
    if (finals[0]?.status !== 'tests_failed' && finals[0]?.status !== 'deployed') return [];
    return executions
      .filter(({ times }) => times === 0)
      .map(({ unit }) => ({ rule: 'executions', text: `${unit} was never executed`, submissionId: id }));
  });
}

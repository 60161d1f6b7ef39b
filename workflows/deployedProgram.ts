import { ApplicationFailure, proxyActivities } from '@temporalio/workflow';
import type { Activities, SubmissionIdentity } from '../activities';
import type { Program } from '../activities/ports';
import { activityOptions } from './activityOptions';
import { withTestedVersions } from './asTested';
import { startedAs, userWorkflowIdOf, VERDICT_MEMO, workflowIdOf } from './contract';
import type { SubmitCodeInput, Verdict } from './contract';

const { readWorkflow } = proxyActivities<Activities>(activityOptions.read);

/**
 * Reads an earlier submission from Temporal's history, and returns its program as production starts it: with the
 * tested versions, stdin and arguments. Fails with `NotFound`, or with `NeverDeployed` unless it was deployed.
 */
export async function findDeployed(
  userId: string,
  submissionId: string,
): Promise<{ identity: SubmissionIdentity; program: Program }> {
  const found = await readWorkflow(workflowIdOf(submissionId), userWorkflowIdOf(userId, submissionId));
  // The workflow's input is the submission. One stored by an older version may lack its own member `input`.
  const submission = found?.input as (Omit<SubmitCodeInput, 'input'> & Partial<SubmitCodeInput>) | undefined;
  if (submission?.userId !== userId)
    throw ApplicationFailure.nonRetryable(
      `There is no submission ${submissionId} of ${userId}, or its history has expired.`,
      'NotFound',
    );
  const { status, tests } = (found?.memo[VERDICT_MEMO] ?? { status: 'running', tests: null }) as Verdict;
  if (status !== 'deployed')
    throw ApplicationFailure.nonRetryable(
      `Submission ${submissionId} was never in production: its status is ${status}.`,
      'NeverDeployed',
    );
  const { codeDigest, program, input } = submission;
  return {
    identity: { submissionId, userId, codeDigest },
    program: startedAs(tests ? withTestedVersions(program, tests) : program, input),
  };
}

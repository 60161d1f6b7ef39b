/** What is known about a submission without reading its history. */
import type { WorkflowExecutionInfo } from '@temporalio/client';
import { z } from 'zod';
import type { SubmissionStatus, Verdict } from '../../workflows/contract';
import {
  namespaceOf,
  SEARCH_ATTRIBUTES,
  submissionIdIn,
  SUBMISSION_STATUSES,
  VERDICT_MEMO,
} from '../../workflows/contract';
import { finalFrame } from './finalFrameSchema';
import type { AcceptedSubmission } from './acceptedSubmission';

export const submissionRecord = z
  .object({
    submission_id: z.string(),
    user_id: z.string(),
    status: z.enum(SUBMISSION_STATUSES).describe('`running` until the verdict stands.'),
    namespace: z.string(),
    reason: z.string().nullable().describe('Of the verdict, as a stable word.'),
    message: z.string().nullable().describe('Of the verdict, as a sentence.'),
    code_digest: z.string().nullable().describe('SHA-256 of the program.'),
    accepted_at: z.iso.datetime(),
    closed_at: z.iso.datetime().nullable().describe('When the last action of it was recorded.'),
    workflow_id: z.string(),
    run_id: z.string(),
  })
  .meta({ title: 'Submission' });

export const submissionDetails = submissionRecord
  .extend({ result: finalFrame.nullable().describe('The final frame, once the verdict stands.') })
  .meta({ title: 'Submission details' });

export const submissionList = z
  .object({
    submissions: z.array(submissionRecord),
    next_page: z.string().nullable().describe('What to ask for as `page`; null on the last one.'),
  })
  .meta({ title: 'Submissions' });

export type SubmissionRecord = z.infer<typeof submissionRecord>;
export type SubmissionDetails = z.infer<typeof submissionDetails>;
export type SubmissionList = z.infer<typeof submissionList>;

/** Status of a workflow without a verdict, as in workflows/history/events.ts. */
const ENDED: Record<string, SubmissionStatus> = { RUNNING: 'running', CANCELLED: 'cancelled' };

/** What Temporal returns both when it describes a workflow and when it lists workflows. */
type Info = Pick<
  WorkflowExecutionInfo,
  'workflowId' | 'runId' | 'status' | 'startTime' | 'memo' | 'searchAttributes'
> & {
  closeTime?: Date | undefined;
};

export function recordOf(info: Info): SubmissionRecord {
  const attribute = (name: string) => info.searchAttributes?.[name]?.[0] as string | undefined;
  const verdict = info.memo?.[VERDICT_MEMO] as Verdict | undefined;
  const userId = attribute(SEARCH_ATTRIBUTES.userId) ?? '';
  return {
    submission_id: submissionIdIn(info.workflowId) ?? info.workflowId,
    user_id: userId,
    status: verdict?.status ?? ENDED[info.status.name] ?? 'internal_error',
    namespace: namespaceOf(userId),
    reason: verdict?.reason ?? null,
    message: verdict?.message ?? null,
    code_digest: attribute(SEARCH_ATTRIBUTES.codeDigest) ?? null,
    accepted_at: info.startTime.toISOString(),
    closed_at: info.closeTime?.toISOString() ?? null,
    workflow_id: info.workflowId,
    run_id: info.runId,
  };
}

/** Converts a record to a submission that can be followed. */
export function acceptedIn(record: SubmissionRecord): AcceptedSubmission {
  return {
    submissionId: record.submission_id,
    userId: record.user_id,
    workflowId: record.workflow_id,
    runId: record.run_id,
    namespace: record.namespace,
  };
}

import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError, type Client } from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { Logger } from '../infrastructure/logging';
import { mayPass } from '../infrastructure/temporal/failures';
import type { SubmitCodeInput } from '../workflows/contract';
import { namespaceOf, SEARCH_ATTRIBUTES, SUBMIT_CODE, workflowIdOf } from '../workflows/contract';
import { follow, temporalSources } from './follow';
import type { AcceptedSubmission } from './frames';
import type { Limits } from './limits';
import type { SubmissionFrame } from './serverFrames';

export interface Submission {
  submissionId: string;
  userId: string;
  code: string;
}

/** What the sockets need from the platform. */
export interface Submissions {
  /**
   * Starts a submission, or joins it if it was started before, whether or not it is over.
   * @throws SubmissionConflict, PlatformUnavailable
   */
  submit(submission: Submission): Promise<AcceptedSubmission>;
  /** Its frames from the beginning to the final one; ends early when the signal is aborted. */
  follow(
    accepted: AcceptedSubmission,
    settings: { progress: boolean; signal: AbortSignal; logger: Logger },
  ): AsyncIterable<SubmissionFrame>;
  /** Resolves when submissions can be taken; rejects with the reason why not. */
  ready(): Promise<void>;
}

/** The id of a submission is taken by one of another user or with other code. */
export class SubmissionConflict extends Error {
  override name = 'SubmissionConflict';
}

/** Temporal did not answer; whether the submission was started is not known. Sending it again is safe. */
export class PlatformUnavailable extends Error {
  override name = 'PlatformUnavailable';
}

const keys = {
  userId: defineSearchAttributeKey(SEARCH_ATTRIBUTES.userId, SearchAttributeType.KEYWORD),
  status: defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, SearchAttributeType.KEYWORD),
  codeDigest: defineSearchAttributeKey(SEARCH_ATTRIBUTES.codeDigest, SearchAttributeType.KEYWORD),
};

/** Submissions as workflows on a Temporal server. */
export function temporalSubmissions(client: Client, taskQueue: string, limits: Limits): Submissions {
  const sources = temporalSources(client);
  const { connection } = client;
  const within = <T>(ms: number, call: () => Promise<T>) => connection.withDeadline(Date.now() + ms, call);

  async function start(input: SubmitCodeInput): Promise<string> {
    const handle = await client.workflow.start(SUBMIT_CODE, {
      workflowId: workflowIdOf(input.submissionId),
      taskQueue,
      args: [input],
      // A submission is never run twice; one that was started before is joined after a look at what it is.
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      typedSearchAttributes: [
        { key: keys.userId, value: input.userId },
        { key: keys.status, value: 'running' },
        { key: keys.codeDigest, value: input.codeDigest },
      ],
      staticSummary: `code of ${input.userId}`,
      staticDetails: `${Object.keys(input.program.files).length} files, SHA-256 ${input.codeDigest}`,
    });
    return handle.firstExecutionRunId;
  }

  async function join(input: SubmitCodeInput): Promise<string> {
    const { typedSearchAttributes: first, runId } = await client.workflow
      .getHandle(workflowIdOf(input.submissionId))
      .describe();
    if (first.get(keys.userId) !== input.userId)
      throw new SubmissionConflict(`submission ${input.submissionId} belongs to another user`);
    if (first.get(keys.codeDigest) !== input.codeDigest)
      throw new SubmissionConflict(`submission ${input.submissionId} was sent before with other code`);
    return runId;
  }

  return {
    async submit({ submissionId, userId, code }) {
      const program = { language: 'python', files: { 'main.py': code }, entrypoint: 'main.py', requirements: [] };
      const input: SubmitCodeInput = {
        submissionId,
        userId,
        program,
        input: { stdin: '', args: [], env: {} },
        tests: null,
        limits: {},
        codeDigest: createHash('sha256').update(JSON.stringify(program)).digest('hex'),
        acceptedAt: new Date().toISOString(),
      };
      const runId = await within(limits.callTimeoutMs, () =>
        start(input).catch((error: unknown) => {
          if (error instanceof WorkflowExecutionAlreadyStartedError) return join(input);
          throw error;
        }),
      ).catch((error: unknown) => {
        throw mayPass(error) ? new PlatformUnavailable('Temporal does not answer', { cause: error }) : error;
      });
      return { submissionId, workflowId: workflowIdOf(submissionId), runId, namespace: namespaceOf(userId) };
    },

    follow: (accepted, settings) => follow(sources, accepted, settings),

    async ready() {
      const { namespace } = client.options;
      const ms = limits.readyTimeoutMs;
      // The connection may overrun its deadline by a pause between two tries; a probe does not wait for that.
      const done = new AbortController();
      await Promise.race([
        within(ms, () => connection.workflowService.describeNamespace({ namespace })),
        wait(ms, undefined, { signal: done.signal }).then(() => {
          throw new PlatformUnavailable(`Temporal did not answer within ${ms} ms`);
        }),
      ]).finally(() => done.abort());
    },
  };
}

/** What clients do with submissions, carried out on a Temporal server. */
import { setTimeout as wait } from 'node:timers/promises';
import {
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionDescription,
} from '@temporalio/client';
import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';
import type { Logger } from '../../infrastructure/logging';
import { inputOf } from '../../infrastructure/temporal/workflowRecords';
import { isTemporary } from '../../infrastructure/temporal/temporaryErrors';
import type { InputPiece, InputState, SubmitCodeInput } from '../../workflows/contract';
import {
  CANCEL_REQUESTED_SIGNAL,
  CONTENT_DIGEST_MEMO,
  namespaceOf,
  SEARCH_ATTRIBUTES,
  SUBMIT_CODE,
  userWorkflowIdOf,
  VERDICT_MEMO,
  workflowIdOf,
} from '../../workflows/contract';
import type { Cursor } from '../protocol/cursor';
import { digestOf } from './digest';
import { follow } from '../progress/follow';
import { followSources } from '../progress/followSources';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import { InputRefused, sendInput } from './stdinUpdates';
import type { Limits } from '../limits';
import { listSubmissions } from './listing';
import type { SubmissionFilter } from '../protocol/filter';
import { startRollback, waitForOperation, type OperationState } from './operations';
import type { FollowLog } from '../progress/liveOutput';
import type { ProgramUrl } from '../protocol/programUrl';
import type { SubmissionFrame } from '../protocol/serverFrames';
import {
  acceptedIn,
  recordOf,
  type SubmissionList,
  type SubmissionRecord,
} from '../protocol/submissionRecord';
import { describeIfAny, findWorkflow, userOf } from './workflowLookup';

/** A submission as a client requests it. */
export type Submission = Omit<SubmitCodeInput, 'codeDigest' | 'acceptedAt'>;

/** What WebSockets and HTTP routes do with submissions. */
export interface Submissions {
  /**
   * The same for the key of a user: only submissions of this user exist, and ids that other users have used
   * are free.
   */
  within(userId: string): Submissions;
  /**
   * Starts a submission, or joins it if it was started before, even if it is over.
   * @throws SubmissionConflict, PlatformUnavailable
   */
  submit(submission: Submission): Promise<AcceptedSubmission>;
  /**
   * Finds a submission that was started before, running or over.
   * @throws SubmissionNotFound, PlatformUnavailable
   */
  find(submissionId: string): Promise<AcceptedSubmission>;
  /**
   * Requests the cancellation of a submission. Followers get its final frame when it has ended.
   * @param keyId id of the requesting key, for the log
   * @returns `over` if its verdict is already final
   * @throws SubmissionNotFound, PlatformUnavailable
   */
  cancel(submissionId: string, keyId?: string): Promise<'requested' | 'over'>;
  /**
   * Sends more input to an interactive submission, which has stored it when this resolves.
   * @throws InputRefused, SubmissionNotFound, PlatformUnavailable
   */
  input(submissionId: string, piece: InputPiece): Promise<InputState>;
  /**
   * Returns the current state of a submission.
   * @throws SubmissionNotFound, PlatformUnavailable
   */
  status(submissionId: string): Promise<SubmissionRecord>;
  /**
   * Returns the content of a submission, as it was sent.
   * @throws SubmissionNotFound, PlatformUnavailable
   */
  content(submissionId: string): Promise<Submission>;
  /**
   * Returns a page of the submissions that match the filter.
   * @throws UnknownPage, PlatformUnavailable
   */
  list(filter: SubmissionFilter): Promise<SubmissionList>;
  /**
   * Deploys an earlier submission of a user again, and waits up to `waitMs` until that is done.
   * @throws OperationRefused, PlatformUnavailable
   */
  rollBack(userId: string, submissionId: string, waitMs: number, keyId?: string): Promise<OperationState>;
  /**
   * Returns the state of an operation on a user's production, and waits up to `waitMs` for its end.
   * @throws OperationNotFound, OperationRefused, PlatformUnavailable
   */
  operation(userId: string, operationId: string, waitMs: number): Promise<OperationState>;
  /** Yields the frames after the given one, up to the final one. Ends early when the signal is aborted. */
  follow(
    accepted: AcceptedSubmission,
    settings: { progress: boolean; after: Cursor | null; signal: AbortSignal; logger: Logger },
  ): AsyncIterable<SubmissionFrame>;
  /** Resolves if submissions can be accepted; rejects with the reason if not. */
  ready(): Promise<void>;
}

/**
 * The id is already used by a submission with other content; or, among submissions of admin keys, for another
 * user.
 */
export class SubmissionConflict extends Error {
  override name = 'SubmissionConflict';
}

/** There is no submission with that id, or its history has expired. */
export class SubmissionNotFound extends Error {
  override name = 'SubmissionNotFound';
}

/**
 * Temporal, the cluster or the log store did not answer. After `submit`, the submission may or may not have started:
 * sending it again is safe.
 */
export class PlatformUnavailable extends Error {
  override name = 'PlatformUnavailable';
}

const attributes = {
  userId: defineSearchAttributeKey(SEARCH_ATTRIBUTES.userId, SearchAttributeType.KEYWORD),
  status: defineSearchAttributeKey(SEARCH_ATTRIBUTES.status, SearchAttributeType.KEYWORD),
  codeDigest: defineSearchAttributeKey(SEARCH_ATTRIBUTES.codeDigest, SearchAttributeType.KEYWORD),
};

let lastTimestamp = 0;

/**
 * Returns the current time, but never the same twice in this process: a user's submissions are deployed in the order
 * of these times.
 */
function nextTimestamp(): string {
  lastTimestamp = Math.max(Date.now(), lastTimestamp + 1);
  return new Date(lastTimestamp).toISOString();
}

/** Submissions as workflows on a Temporal server. */
export function temporalSubmissions(
  client: Client,
  taskQueue: string,
  { limits, followLog, programUrl }: { limits: Limits; followLog: FollowLog | null; programUrl?: ProgramUrl },
): Submissions {
  const sources = { ...followSources(client, followLog), programUrl };
  const { connection } = client;
  const within = <T>(ms: number, call: () => Promise<T>) => connection.withDeadline(Date.now() + ms, call);

  async function start(workflowId: string, input: SubmitCodeInput, contentDigest: string): Promise<string> {
    const handle = await client.workflow.start(SUBMIT_CODE, {
      workflowId,
      taskQueue,
      args: [input],
      // Activities and child workflows inherit this: the server dispatches tasks of each user in turn.
      priority: { fairnessKey: input.userId },
      // A submission never runs twice. `join` checks one that was started before, and joins it.
      workflowIdReusePolicy: 'REJECT_DUPLICATE',
      workflowIdConflictPolicy: 'FAIL',
      typedSearchAttributes: [
        { key: attributes.userId, value: input.userId },
        { key: attributes.status, value: 'running' },
        { key: attributes.codeDigest, value: input.codeDigest },
      ],
      memo: { [CONTENT_DIGEST_MEMO]: contentDigest },
      staticSummary: `code of ${input.userId}`,
      staticDetails: `${Object.keys(input.program.files).length} files, SHA-256 ${input.codeDigest}`,
    });
    return handle.firstExecutionRunId;
  }

  function join(
    found: WorkflowExecutionDescription,
    { submissionId, userId }: Submission,
    contentDigest: string,
  ): AcceptedSubmission {
    if (userOf(found) !== userId)
      throw new SubmissionConflict(`submission ${submissionId} belongs to another user`);
    if (found.memo?.[CONTENT_DIGEST_MEMO] !== contentDigest)
      throw new SubmissionConflict(`submission ${submissionId} was sent before with other content`);
    return acceptedIn(recordOf(found));
  }

  /** Starts a submission under a workflow id, or joins the one that was started under it before. */
  async function startOrJoin(
    workflowId: string,
    input: SubmitCodeInput,
    contentDigest: string,
  ): Promise<AcceptedSubmission> {
    const { submissionId, userId } = input;
    try {
      const runId = await start(workflowId, input, contentDigest);
      return { submissionId, userId, workflowId, runId, namespace: namespaceOf(userId) };
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      return join(await client.workflow.getHandle(workflowId).describe(), input, contentDigest);
    }
  }

  /** Calls Temporal with a timeout, and converts errors to those that clients are to see. */
  function callTemporal<T>(submissionId: string, call: () => Promise<T>): Promise<T> {
    return within(limits.callTimeoutMs, call).catch((error: unknown) => {
      if (error instanceof WorkflowNotFoundError)
        throw new SubmissionNotFound(`there is no submission ${submissionId}`, { cause: error });
      return unavailableIfTemporary(error);
    });
  }

  const operation: Submissions['operation'] = (userId, operationId, waitMs) =>
    waitForOperation(client, { userId, operationId }, { callTimeoutMs: limits.callTimeoutMs, waitMs }).catch(
      unavailableIfTemporary,
    );

  /** @param owner the user whose key is used; null for an admin key */
  const submissionsOf = (owner: string | null): Submissions => ({
    within: submissionsOf,

    async submit(submission) {
      const { submissionId, userId, requestedBy: _, ...content } = submission;
      const contentDigest = digestOf(content);
      const codeDigest = digestOf(content.program);
      const input = { ...submission, codeDigest, acceptedAt: nextTimestamp() };
      return callTemporal(submissionId, async () => {
        if (owner === null) return startOrJoin(workflowIdOf(submissionId), input, contentDigest);
        // An admin or an older gateway may have started it for the same user.
        const shared = await describeIfAny(client, workflowIdOf(submissionId));
        if (shared && userOf(shared) === owner) return join(shared, submission, contentDigest);
        return startOrJoin(userWorkflowIdOf(owner, submissionId), input, contentDigest);
      });
    },

    find: (submissionId) =>
      callTemporal(submissionId, async () =>
        acceptedIn(recordOf(await findWorkflow(client, owner, submissionId))),
      ),

    cancel: (submissionId, keyId) =>
      callTemporal(submissionId, async () => {
        const { workflowId, status, memo } = await findWorkflow(client, owner, submissionId);
        // After its verdict, a workflow only records actions, and nothing is left to cancel.
        if (status.name !== 'RUNNING' || memo?.[VERDICT_MEMO] !== undefined) return 'over';
        const handle = client.workflow.getHandle(workflowId);
        if (keyId !== undefined) await handle.signal(CANCEL_REQUESTED_SIGNAL, keyId);
        await handle.cancel();
        return 'requested';
      }),

    input: (submissionId, piece) =>
      callTemporal(submissionId, async () => {
        // When it ends between the two calls, the next round finds that it is over.
        for (;;) {
          const { workflowId, status } = await findWorkflow(client, owner, submissionId);
          if (status.name !== 'RUNNING') throw new InputRefused('not_running', 'the submission is over');
          try {
            return await sendInput(client, workflowId, piece);
          } catch (error) {
            if (!(error instanceof WorkflowNotFoundError)) throw error;
          }
        }
      }),

    status: (submissionId) =>
      callTemporal(submissionId, async () => recordOf(await findWorkflow(client, owner, submissionId))),

    content: (submissionId) =>
      callTemporal(submissionId, async () => {
        const { workflowId, runId } = await findWorkflow(client, owner, submissionId);
        return (await inputOf(client, workflowId, runId)) as SubmitCodeInput;
      }),

    list: (filter) =>
      within(limits.callTimeoutMs, () => listSubmissions(client, taskQueue, filter)).catch(
        unavailableIfTemporary,
      ),

    async rollBack(userId, submissionId, waitMs, keyId) {
      const requestedBy = keyId === undefined ? 'gateway' : `key:${keyId}`;
      const operationId = await within(limits.callTimeoutMs, () =>
        startRollback(client, taskQueue, { userId, submissionId, requestedBy }),
      ).catch(unavailableIfTemporary);
      return operation(userId, operationId, waitMs);
    },

    operation,

    follow: (accepted, settings) => follow(sources, accepted, settings),

    async ready() {
      const { namespace } = client.options;
      const ms = limits.readyTimeoutMs;
      // When the connection retries, it may pause beyond its deadline. A readiness probe cannot wait for that.
      const done = new AbortController();
      await Promise.race([
        within(ms, () => connection.workflowService.describeNamespace({ namespace })),
        wait(ms, undefined, { signal: done.signal }).then(() => {
          throw new PlatformUnavailable(`Temporal did not answer within ${ms} ms`);
        }),
      ]).finally(() => done.abort());
    },
  });

  return submissionsOf(null);
}

/** Converts an error of Temporal to the one that clients are to see. */
function unavailableIfTemporary(error: unknown): never {
  throw isTemporary(error) ? new PlatformUnavailable('Temporal does not answer', { cause: error }) : error;
}

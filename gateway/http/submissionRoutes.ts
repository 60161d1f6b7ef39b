import { z } from 'zod';
import { detailsOf } from '../submissions/details';
import { errorFrame } from '../protocol/errorFrame';
import type { Quotas } from '../auth/rateLimits';
import type { Limits } from '../limits';
import { filterFields } from '../protocol/filter';
import { submissionId } from '../protocol/identifiers';
import type { ParseMessage } from '../protocol/clientMessages';
import { messageOf } from '../protocol/fromSubmission';
import { pieceOf, stdinBody } from '../protocol/stdin';
import type { Metrics } from '../metrics';
import type { Submissions } from '../submissions/submissionService';
import { jsonIn, jsonText } from './body';
import { callerOf, seenBy } from './caller';
import { HttpError } from './error';
import { eventsQuery, sendEvents } from './events';
import { outputQuery, sendOutput, type ReadOutput } from './output';
import { checked, MAX_WAIT_SECONDS, queryOf, submissionIn } from './query';
import type { Call, Reply, Route } from './apiRoute';

export interface SubmissionRouteParts {
  submissions: Submissions;
  parseMessage: ParseMessage;
  limits: Limits;
  /** The limits of each key. */
  quotas: Quotas;
  metrics: Metrics;
  /** Archive of truncated output; null if there is none. */
  outputArchive: ReadOutput | null;
  /** Aborted when the gateway shuts down. */
  closing: AbortSignal;
}

const waitQuery = z.strictObject({
  wait: z.coerce
    .number()
    .min(0)
    .max(MAX_WAIT_SECONDS)
    .default(0)
    .describe('Seconds to wait for the verdict. The response has what is known by then.'),
});

const listQuery = z.strictObject(filterFields(z.coerce.number<string>().int()));

const ONE = '/api/submissions/{submission_id}';
const DETAILS = {
  description: 'The status of the submission, and its final frame if there is one.',
  schema: 'SubmissionDetails',
} as const;

/** Submissions over HTTP: the same operations that a WebSocket offers as messages and frames. */
export function submissionRoutes(parts: SubmissionRouteParts): Route[] {
  const { limits } = parts;
  const submissionsFor = (call: Call) => seenBy(call, parts.submissions);
  const partsFor = (call: Call) => ({ ...parts, submissions: submissionsFor(call) });
  const details = (call: Call, submissionId: string, seconds: number) =>
    detailsOf(submissionsFor(call), submissionId, {
      waitMs: seconds * 1000,
      callTimeoutMs: limits.callTimeoutMs,
      signal: call.signal,
      logger: call.logger,
    });
  return [
    {
      method: 'POST',
      path: '/api/submissions',
      operationId: 'submit',
      summary: 'Submits code',
      description:
        'The body is the same message as over the WebSocket. A repeat with the same id joins the first.',
      query: waitQuery,
      headers: {
        'Idempotency-Key': {
          description: 'Used as the submission_id if the body has none.',
          schema: submissionId(),
        },
      },
      body: 'Submit',
      answers: { 200: DETAILS, 202: { ...DETAILS, description: 'Accepted; there is no verdict yet.' } },
      errors: [
        'invalid_json',
        'invalid_message',
        'unsupported_media_type',
        'code_too_large',
        'conflict',
        'too_many_submissions',
      ],
      async handle(call) {
        const { wait } = queryOf(call, waitQuery);
        const { submissionId } = await submit(call, partsFor(call));
        const body = await details(call, submissionId, wait);
        const headers = { Location: `/api/submissions/${submissionId}` };
        return { status: body.result ? 200 : 202, body, headers };
      },
    },
    {
      method: 'GET',
      path: '/api/submissions',
      operationId: 'list',
      summary: 'Lists submissions',
      description:
        'Running submissions first, then the others, the latest to end first. Changes appear after about a second.',
      query: listQuery,
      answers: { 200: { description: 'One page of submissions.', schema: 'SubmissionList' } },
      errors: ['invalid_message'],
      handle: async (call) => ({
        status: 200,
        body: await submissionsFor(call).list(queryOf(call, listQuery)),
      }),
    },
    {
      method: 'GET',
      path: ONE,
      operationId: 'status',
      summary: 'Returns the status of a submission',
      query: waitQuery,
      answers: { 200: DETAILS },
      errors: ['invalid_message', 'not_found'],
      async handle(call) {
        const { wait } = queryOf(call, waitQuery);
        return { status: 200, body: await details(call, submissionIn(call), wait) };
      },
    },
    {
      method: 'GET',
      path: `${ONE}/content`,
      operationId: 'content',
      summary: 'Returns what was submitted',
      description: 'As a message: sent again, it makes an equal submission under another id.',
      answers: { 200: { description: 'The message.', schema: 'Submit' } },
      errors: ['invalid_message', 'not_found'],
      handle: async (call) => ({
        status: 200,
        body: messageOf(await submissionsFor(call).content(submissionIn(call))),
      }),
    },
    {
      method: 'GET',
      path: `${ONE}/events`,
      operationId: 'events',
      summary: 'Follows a submission',
      description:
        'Server-Sent Events: each is a frame, its id is the cursor. Frames without a cursor have no id. ' +
        'The stream ends after the final frame.',
      query: eventsQuery,
      headers: {
        'Last-Event-ID': {
          description: 'Cursor of the last frame that the client received.',
          schema: z.string(),
        },
      },
      answers: {
        200: {
          description: 'The frames after the cursor. The data of each event is a `SubmissionFrame` in JSON.',
          type: 'text/event-stream',
        },
        204: { description: 'There is no frame after the cursor: do not reconnect.' },
      },
      errors: ['invalid_message', 'not_found'],
      handle: (call) => sendEvents(call, partsFor(call)),
    },
    {
      method: 'GET',
      path: `${ONE}/output`,
      operationId: 'output',
      summary: 'Streams what the program prints in its tests',
      description:
        'The bytes as they were printed. The stream ends when the tests are over. What is not in the report of the ' +
        'tests is read from the log store shortly after them; a line marks output that is not available.',
      query: outputQuery,
      answers: { 200: { description: 'The output.', type: 'text/plain' } },
      errors: ['invalid_message', 'not_found'],
      handle: (call) => sendOutput(call, partsFor(call)),
    },
    {
      method: 'POST',
      path: `${ONE}/stdin`,
      operationId: 'stdin',
      summary: 'Sends more input to a running program',
      description:
        'For a submission that is `interactive`. With an `offset` the call may be repeated: each byte is written once.',
      body: 'Stdin',
      answers: {
        200: { description: 'Stored, and about to be written to the program.', schema: 'InputState' },
      },
      errors: [
        ...(['invalid_json', 'invalid_message', 'unsupported_media_type', 'code_too_large'] as const),
        ...(['not_found', 'not_interactive', 'not_running', 'conflict', 'too_much_input'] as const),
        'too_many_messages',
      ],
      handle: (call) => takeInput(call, partsFor(call)),
    },
    {
      method: 'POST',
      path: `${ONE}/cancel`,
      operationId: 'cancel',
      summary: 'Cancels a submission',
      description:
        'A rollout in progress is rolled back first; the final frame then has the status `cancelled`.',
      answers: {
        200: { description: 'The submission had already ended.', schema: 'Cancelled' },
        202: { description: 'Cancellation is requested.', schema: 'Cancelled' },
      },
      errors: ['invalid_message', 'not_found'],
      async handle(call): Promise<Reply> {
        const submission_id = submissionIn(call);
        const state = await submissionsFor(call).cancel(submission_id);
        return { status: state === 'over' ? 200 : 202, body: { type: 'cancel', submission_id, state } };
      },
    },
  ];
}

/** @throws HttpError, SubmissionConflict, PlatformUnavailable */
async function submit(
  call: Call,
  { submissions, parseMessage, limits, quotas, metrics }: SubmissionRouteParts,
) {
  const { request, logger } = call;
  const begun = performance.now();
  const { 'Idempotency-Key': key } = checked(z.object({ 'Idempotency-Key': submissionId().optional() }), {
    'Idempotency-Key': request.headers['idempotency-key'],
  });
  const { message, error } = parseMessage(await jsonText(request, limits.maxMessageBytes), key);
  if (error) throw new HttpError(error);
  if (message.type !== 'submit')
    throw new HttpError(errorFrame('invalid_message', 'type must be submit, or left out', { field: 'type' }));
  const quota = quotas.of(callerOf(call));
  const beyond = quota.takeSubmission();
  if (beyond > 0) throw tooMany(quota.limits.submissionsPerMinute, beyond, message.submission.submissionId);
  const accepted = await submissions.submit(message.submission);
  metrics.accepted(performance.now() - begun);
  const { submissionId: id, userId, workflowId, runId } = accepted;
  logger.info({ submissionId: id, userId, workflowId, runId }, 'submission accepted');
  return accepted;
}

/** @throws HttpError, InputRefused, SubmissionNotFound, PlatformUnavailable */
async function takeInput(call: Call, { submissions, limits, quotas }: SubmissionRouteParts): Promise<Reply> {
  const submission_id = submissionIn(call);
  const quota = quotas.of(callerOf(call));
  const beyond = quota.takeMessage();
  if (beyond > 0) {
    const limit = quota.limits.messagesPerSecond;
    const details = { limit, retry_after_seconds: beyond, submission_id };
    const frame = errorFrame('too_many_messages', `this key may send ${limit} messages a second`, details);
    throw new HttpError(frame, { 'Retry-After': beyond });
  }
  const input = checked(stdinBody, jsonIn(await jsonText(call.request, limits.maxMessageBytes)));
  const state = await submissions.input(submission_id, pieceOf(input));
  return { status: 200, body: { type: 'stdin', submission_id, ...state } };
}

function tooMany(limit: number, retry_after_seconds: number, submission_id: string): HttpError {
  const details = { limit, retry_after_seconds, submission_id };
  const frame = errorFrame('too_many_submissions', `this key may submit ${limit} times a minute`, details);
  return new HttpError(frame, { 'Retry-After': retry_after_seconds });
}

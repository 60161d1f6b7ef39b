/** The routes under `/api/submissions`. */
import { z } from 'zod';
import { detailsOf } from '../submissions/details';
import { errorFrame } from '../protocol/errorFrame';
import type { Quotas } from '../auth/rateLimits';
import type { Limits } from '../limits';
import { filterFields } from '../protocol/filter';
import { knownSubmissionId, submissionId, submissionReference } from '../protocol/identifiers';
import { checkSubmission } from '../protocol/clientMessages';
import { messageOf } from '../protocol/fromSubmission';
import { cancelFrame, stdinFrame } from '../protocol/serverFrames';
import { pieceOf, stdinBody } from '../protocol/stdin';
import { submissionDetails, submissionList } from '../protocol/submissionRecord';
import type { SubmissionRules } from '../protocol/submissionRules';
import type { SubmitMessage, SubmitSchema } from '../protocol/submitMessage';
import type { Metrics } from '../metrics';
import type { Submissions } from '../submissions/submissionService';
import type { Api, ApiRequest } from './apiTypes';
import { callerOf, seenBy } from './caller';
import { HttpError } from './error';
import { eventsQuery, lastEventId, sendEvents } from './events';
import { empty, json, text } from './answers';
import { outputQuery, sendOutput, type ReadOutput } from './output';
import { MAX_WAIT_SECONDS } from './validation';

export interface SubmissionRouteParts {
  submissions: Submissions;
  rules: SubmissionRules;
  /** The schema of a submit message under these rules. */
  submitSchema: SubmitSchema;
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

const PATH = '/api/submissions/:submission_id';
const params = z.object({ submission_id: submissionReference() });
const DETAILS = 'The status of the submission, and its final frame if there is one.';

/** Submissions over HTTP: the same operations that a WebSocket offers as messages and frames. */
export function submissionRoutes(api: Api, parts: SubmissionRouteParts): void {
  const { limits } = parts;
  const submissionsFor = (request: ApiRequest) => seenBy(request, parts.submissions);
  const partsFor = (request: ApiRequest) => ({ ...parts, submissions: submissionsFor(request) });
  const details = (request: ApiRequest, submissionId: string, seconds: number) =>
    detailsOf(submissionsFor(request), submissionId, {
      waitMs: seconds * 1000,
      callTimeoutMs: limits.callTimeoutMs,
      signal: request.abortSignal,
      logger: request.log,
    });

  api.post(
    '/api/submissions',
    {
      schema: {
        operationId: 'submit',
        summary: 'Submits code',
        description:
          'The body is the same message as over the WebSocket. A repeat with the same id joins the first.',
        querystring: waitQuery,
        headers: z.object({
          'Idempotency-Key': submissionId()
            .optional()
            .describe('Used as the submission_id if the body has none.'),
        }),
        body: parts.submitSchema,
        response: {
          200: json(DETAILS, submissionDetails),
          202: json('Accepted; there is no verdict yet.', submissionDetails),
        },
      },
      config: {
        errors: [
          'invalid_json',
          'invalid_message',
          'unsupported_media_type',
          'code_too_large',
          'conflict',
          'too_many_submissions',
        ],
      },
      bodyLimit: limits.maxMessageBytes,
    },
    async (request, reply) => {
      const { submissionId } = await submit(
        request,
        request.body,
        request.headers['idempotency-key'],
        partsFor(request),
      );
      const body = await details(request, submissionId, request.query.wait);
      return reply
        .code(body.result ? 200 : 202)
        .header('Location', `/api/submissions/${submissionId}`)
        .send(body);
    },
  );

  api.get(
    '/api/submissions',
    {
      schema: {
        operationId: 'list',
        summary: 'Lists submissions',
        description:
          'Running submissions first, then the others, the latest to end first. Changes appear after about a second.',
        querystring: listQuery,
        response: { 200: json('One page of submissions.', submissionList) },
      },
      config: { errors: ['invalid_message'] },
    },
    async (request, reply) => reply.send(await submissionsFor(request).list(request.query)),
  );

  api.get(
    PATH,
    {
      schema: {
        operationId: 'status',
        summary: 'Returns the status of a submission',
        params,
        querystring: waitQuery,
        response: { 200: json(DETAILS, submissionDetails) },
      },
      config: { errors: ['invalid_message', 'not_found'] },
    },
    async (request, reply) =>
      reply.send(await details(request, request.params.submission_id, request.query.wait)),
  );

  api.get(
    `${PATH}/content`,
    {
      schema: {
        operationId: 'content',
        summary: 'Returns what was submitted',
        description: 'As a message: sent again, it makes an equal submission under another id.',
        params,
        response: { 200: json('The message.', parts.submitSchema) },
      },
      config: { errors: ['invalid_message', 'not_found'] },
    },
    async (request, reply) =>
      reply.send(messageOf(await submissionsFor(request).content(request.params.submission_id))),
  );

  api.get(
    `${PATH}/events`,
    {
      schema: {
        operationId: 'events',
        summary: 'Follows a submission',
        description:
          'Server-Sent Events: each is a frame, its id is the cursor. Frames without a cursor have no id. ' +
          'The stream ends after the final frame.',
        params,
        querystring: eventsQuery,
        headers: z.object({
          'Last-Event-ID': lastEventId.describe('Cursor of the last frame that the client received.'),
        }),
        response: {
          200: text(
            'The frames after the cursor. The data of each event is a `SubmissionFrame` in JSON.',
            'text/event-stream',
          ),
          204: empty('There is no frame after the cursor: do not reconnect.'),
        },
      },
      config: { errors: ['invalid_message', 'not_found'] },
    },
    async (request, reply) => {
      const { cursor, progress } = request.query;
      const after = request.headers['last-event-id'] || cursor;
      const wanted = { submissionId: request.params.submission_id, progress: progress === 'true', after };
      return sendEvents(request, reply, wanted, partsFor(request));
    },
  );

  api.get(
    `${PATH}/output`,
    {
      schema: {
        operationId: 'output',
        summary: 'Streams what the program prints in its tests',
        description:
          'The bytes as they were printed. The stream ends when the tests are over. What is not in the report of the ' +
          'tests is read from the log store shortly after them; a line marks output that is not available.',
        params,
        querystring: outputQuery,
        response: { 200: text('The output.', 'text/plain') },
      },
      config: { errors: ['invalid_message', 'not_found'] },
    },
    async (request, reply) => {
      const wanted = { submissionId: request.params.submission_id, ...request.query };
      return sendOutput(request, reply, wanted, partsFor(request));
    },
  );

  api.post(
    `${PATH}/stdin`,
    {
      schema: {
        operationId: 'stdin',
        summary: 'Sends more input to a running program',
        description:
          'For a submission that is `interactive`. With an `offset` the call may be repeated: each byte is written once.',
        params,
        body: stdinBody,
        response: { 200: json('Stored, and about to be written to the program.', stdinFrame) },
      },
      config: {
        errors: [
          ...(['invalid_json', 'invalid_message', 'unsupported_media_type', 'code_too_large'] as const),
          ...(['not_found', 'not_interactive', 'not_running', 'conflict', 'too_much_input'] as const),
          'too_many_messages',
        ],
      },
      bodyLimit: limits.maxMessageBytes,
      // Before the body, so that messages which are refused count, too.
      onRequest: (request, _reply, next) => next(messageBeyondLimit(request, parts.quotas)),
    },
    async (request, reply) => {
      const { submission_id } = request.params;
      const state = await submissionsFor(request).input(submission_id, pieceOf(request.body));
      return reply.send({ type: 'stdin', submission_id, ...state });
    },
  );

  api.post(
    `${PATH}/cancel`,
    {
      schema: {
        operationId: 'cancel',
        summary: 'Cancels a submission',
        description:
          'A rollout in progress is rolled back first; the final frame then has the status `cancelled`.',
        params,
        response: {
          200: json('The submission had already ended.', cancelFrame),
          202: json('Cancellation is requested.', cancelFrame),
        },
      },
      config: {
        errors: ['invalid_json', 'invalid_message', 'unsupported_media_type', 'code_too_large', 'not_found'],
      },
    },
    async (request, reply) => {
      const { submission_id } = request.params;
      const state = await submissionsFor(request).cancel(submission_id);
      return reply.code(state === 'over' ? 200 : 202).send({ type: 'cancel', submission_id, state });
    },
  );
}

/** @throws HttpError, SubmissionConflict, PlatformUnavailable */
async function submit(
  request: ApiRequest,
  message: SubmitMessage,
  idempotencyKey: string | undefined,
  { submissions, rules, quotas, metrics }: SubmissionRouteParts,
) {
  const begun = performance.now();
  const { submission, error } = checkSubmission(message, rules, idempotencyKey);
  if (error) throw new HttpError(error);
  const quota = quotas.of(callerOf(request));
  const waitSeconds = quota.takeSubmission();
  if (waitSeconds > 0) {
    const limit = quota.limits.submissionsPerMinute;
    const words = `this key may submit ${limit} times a minute`;
    throw tooMany('too_many_submissions', words, limit, waitSeconds, submission.submissionId);
  }
  const accepted = await submissions.submit(submission);
  metrics.accepted(performance.now() - begun);
  const { submissionId: id, userId, workflowId, runId } = accepted;
  request.log.info({ submissionId: id, userId, workflowId, runId }, 'submission accepted');
  return accepted;
}

/** Counts a message of the caller. @returns an error if it is beyond the limit of the key */
function messageBeyondLimit(request: ApiRequest, quotas: Quotas): HttpError | undefined {
  const quota = quotas.of(callerOf(request));
  const waitSeconds = quota.takeMessage();
  if (waitSeconds <= 0) return undefined;
  const limit = quota.limits.messagesPerSecond;
  const words = `this key may send ${limit} messages a second`;
  return tooMany('too_many_messages', words, limit, waitSeconds, knownSubmissionId(request.params));
}

function tooMany(
  code: 'too_many_messages' | 'too_many_submissions',
  words: string,
  limit: number,
  retry_after_seconds: number,
  submission_id: string | undefined,
): HttpError {
  const frame = errorFrame(code, words, { limit, retry_after_seconds, submission_id });
  return new HttpError(frame, { 'Retry-After': retry_after_seconds });
}

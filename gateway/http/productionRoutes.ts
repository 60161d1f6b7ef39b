import { z } from 'zod';
import { submissionId, userId } from '../protocol/identifiers';
import { fields } from '../protocol/schemaHelpers';
import type { SubmissionRouteParts } from './submissionRoutes';
import { operationState } from '../submissions/operations';
import type { Api } from './apiTypes';
import { seenBy } from './caller';
import { json } from './answers';
import { MAX_WAIT_SECONDS } from './validation';

/** Seconds that a client waits. */
const wait = (least: number) => z.coerce.number().min(least).max(MAX_WAIT_SECONDS).default(MAX_WAIT_SECONDS);

export const rollbackMessage = fields({ submission_id: submissionId() }).meta({ title: 'Rollback' });

/** Calls that change a user's production, other than submissions. */
export function productionRoutes(api: Api, { submissions }: Pick<SubmissionRouteParts, 'submissions'>): void {
  api.post(
    '/api/users/:user_id/rollback',
    {
      schema: {
        operationId: 'rollback',
        summary: 'Deploys an earlier submission again',
        description:
          'Waits for its turn behind other changes, and continues when the client does not wait for it.',
        params: z.object({ user_id: userId() }),
        querystring: z.strictObject({
          wait: wait(1).describe('Seconds to wait for the end of the rollback.'),
        }),
        body: rollbackMessage,
        response: {
          200: json('The result.', operationState),
          202: json('Still in progress.', operationState),
        },
      },
      config: {
        errors: ['invalid_json', 'invalid_message', 'unsupported_media_type', 'code_too_large', 'conflict'],
      },
    },
    async (request, reply) => {
      const { user_id } = request.params;
      const { submission_id } = request.body;
      request.log.info({ userId: user_id, submissionId: submission_id }, 'rollback requested');
      const waitMs = request.query.wait * 1000;
      const body = await seenBy(request, submissions).rollBack(user_id, submission_id, waitMs);
      return reply.code(body.status === 'running' ? 202 : 200).send(body);
    },
  );
  api.get(
    '/api/users/:user_id/operations/:operation_id',
    {
      schema: {
        operationId: 'operation',
        summary: 'Returns the state of a rollback',
        description:
          'For a rollback that did not end while its client waited for it. Repeat the call until the status is not ' +
          '`running`. A rollback that was refused is answered with `conflict`.',
        params: z.object({
          user_id: userId(),
          operation_id: z.uuid('must be the operation_id of a rollback'),
        }),
        querystring: z.strictObject({
          wait: wait(0).describe('Seconds to wait for the end of the operation.'),
        }),
        response: { 200: json('The state of the operation.', operationState) },
      },
      config: { errors: ['invalid_message', 'not_found', 'conflict'] },
    },
    async (request, reply) => {
      const { user_id, operation_id } = request.params;
      return reply.send(
        await seenBy(request, submissions).operation(user_id, operation_id, request.query.wait * 1000),
      );
    },
  );
}

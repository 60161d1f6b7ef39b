import { z } from 'zod';
import { submissionId, userId } from '../protocol/identifiers';
import { fields } from '../protocol/schemaHelpers';
import type { SubmissionRouteParts } from './submissionRoutes';
import { operationState } from '../submissions/operations';
import type { Api } from './apiTypes';
import { seenBy } from './caller';
import { json } from './openApi';
import { MAX_WAIT_SECONDS } from './validation';

/** Larger than any body that these calls need. */
const MAX_BODY_BYTES = 4_096;

const waitQuery = z.strictObject({
  wait: z.coerce
    .number()
    .min(1)
    .max(MAX_WAIT_SECONDS)
    .default(MAX_WAIT_SECONDS)
    .describe('Seconds to wait for the end of the rollback.'),
});

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
        querystring: waitQuery,
        body: rollbackMessage,
        response: {
          200: json('The result.', operationState),
          202: json('Still in progress.', operationState),
        },
      },
      config: {
        errors: ['invalid_json', 'invalid_message', 'unsupported_media_type', 'code_too_large', 'conflict'],
      },
      bodyLimit: MAX_BODY_BYTES,
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
}

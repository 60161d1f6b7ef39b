import { z } from 'zod';
import { submissionId, userId } from '../protocol/identifiers';
import { fields } from '../protocol/schemaHelpers';
import type { SubmissionRouteParts } from './submissionRoutes';
import type { Route } from './apiRoute';
import { jsonIn, jsonText } from './body';
import { seenBy } from './caller';
import { checked, MAX_WAIT_SECONDS, queryOf } from './query';

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
export function productionRoutes({ submissions }: Pick<SubmissionRouteParts, 'submissions'>): Route[] {
  return [
    {
      method: 'POST',
      path: '/api/users/{user_id}/rollback',
      operationId: 'rollback',
      summary: 'Deploys an earlier submission again',
      description:
        'Waits for its turn behind other changes, and continues when the client does not wait for it.',
      query: waitQuery,
      body: 'Rollback',
      answers: {
        200: { description: 'The result.', schema: 'Operation' },
        202: { description: 'Still in progress.', schema: 'Operation' },
      },
      errors: ['invalid_json', 'invalid_message', 'unsupported_media_type', 'code_too_large', 'conflict'],
      async handle(call) {
        const { wait } = queryOf(call, waitQuery);
        const { user_id } = checked(z.object({ user_id: userId() }), call.parameters);
        const { submission_id } = checked(
          rollbackMessage,
          jsonIn(await jsonText(call.request, MAX_BODY_BYTES)),
        );
        call.logger.info({ userId: user_id, submissionId: submission_id }, 'rollback requested');
        const body = await seenBy(call, submissions).rollBack(user_id, submission_id, wait * 1000);
        return { status: body.status === 'running' ? 202 : 200, body };
      },
    },
  ];
}

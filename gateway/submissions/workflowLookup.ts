/** Finds the workflow of a submission among those that a caller may access. */
import { WorkflowNotFoundError, type Client, type WorkflowExecutionDescription } from '@temporalio/client';
import { SEARCH_ATTRIBUTES, SUBMIT_CODE, userWorkflowIdOf, workflowIdOf } from '../../workflows/contract';
import { partsOfReference } from '../protocol/identifiers';

/** Several users have used this id, so it does not name one submission. */
export class AmbiguousSubmission extends Error {
  override name = 'AmbiguousSubmission';
}

/** The user that a workflow belongs to; undefined if it is not a submission. */
export function userOf({ searchAttributes }: WorkflowExecutionDescription): string | undefined {
  return searchAttributes[SEARCH_ATTRIBUTES.userId]?.[0] as string | undefined;
}

/** Describes a workflow, or returns null if there is none. */
export async function describeIfAny(
  client: Client,
  workflowId: string,
): Promise<WorkflowExecutionDescription | null> {
  try {
    return await client.workflow.getHandle(workflowId).describe();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  }
}

/**
 * Describes the workflow of a submission.
 * @param owner the user whose submissions are searched; null for those of all users
 * @throws WorkflowNotFoundError, AmbiguousSubmission
 */
export async function findWorkflow(
  client: Client,
  owner: string | null,
  reference: string,
): Promise<WorkflowExecutionDescription> {
  const { id, userId } = partsOfReference(reference);
  // Another user's submissions do not exist for this caller.
  const isForeign = owner !== null && userId !== null && userId !== owner;
  const user = owner ?? userId;
  const found = isForeign ? null : await (user === null ? findOfAny(client, id) : findOf(client, user, id));
  if (!found) throw new WorkflowNotFoundError('There is no such submission.', workflowIdOf(id), undefined);
  return found;
}

/**
 * Always makes both calls: so neither the answer nor its duration depends on the submissions of other users.
 */
async function findOf(
  client: Client,
  userId: string,
  id: string,
): Promise<WorkflowExecutionDescription | null> {
  const [own, shared] = await Promise.all([
    describeIfAny(client, userWorkflowIdOf(userId, id)),
    describeIfAny(client, workflowIdOf(id)),
  ]);
  return own ?? (shared && userOf(shared) === userId ? shared : null);
}

/** A submission of an admin key comes first: users cannot take the ids that admins choose. */
async function findOfAny(client: Client, id: string): Promise<WorkflowExecutionDescription | null> {
  const shared = await describeIfAny(client, workflowIdOf(id));
  if (shared) return shared;
  const [first, second] = await workflowsOfUsers(client, id);
  if (first === undefined) return null;
  if (second !== undefined)
    throw new AmbiguousSubmission(`several users have a submission ${id}: name its user, as in ${id}.USER`);
  return describeIfAny(client, first);
}

/** The workflow ids of the first two users who have used an id. They appear here after about a second. */
async function workflowsOfUsers(client: Client, id: string): Promise<string[]> {
  const query = `WorkflowType = '${SUBMIT_CODE}' AND WorkflowId STARTS_WITH '${workflowIdOf(id)}.'`;
  const ids: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query, pageSize: 2 })) {
    ids.push(workflowId);
    if (ids.length === 2) break;
  }
  return ids;
}

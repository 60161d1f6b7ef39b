import type { Client } from '@temporalio/client';
import { executionInfoFromRaw } from '@temporalio/client/lib/helpers';
import { SEARCH_ATTRIBUTES, SUBMIT_CODE } from '../workflows/contract';
import type { SubmissionFilter } from './messages/filter';
import { recordOf, type SubmissionList } from './submissionRecord';

const { userId, status: statusAttribute } = SEARCH_ATTRIBUTES;

/**
 * A page of submissions from Temporal's visibility, which follows what happens by up to a second or so. Its
 * order: those that run first, then by when they ended, the last one first.
 */
export async function listSubmissions(
  client: Client,
  taskQueue: string,
  filter: SubmissionFilter,
): Promise<SubmissionList> {
  const { namespace, loadedDataConverter } = client.options;
  const { executions, nextPageToken } = await client.workflowService.listWorkflowExecutions({
    namespace,
    pageSize: filter.limit,
    query: queryFor(taskQueue, filter),
    nextPageToken: Buffer.from(filter.page ?? '', 'base64url'),
  });
  const infos = executions.map((each) => executionInfoFromRaw(each, loadedDataConverter, each, namespace));
  return {
    submissions: (await Promise.all(infos)).map(recordOf),
    next_page: nextPageToken?.length ? Buffer.from(nextPageToken).toString('base64url') : null,
  };
}

export function queryFor(taskQueue: string, { user, status, since, until }: SubmissionFilter): string {
  return [
    `WorkflowType = ${quoted(SUBMIT_CODE)}`,
    `TaskQueue = ${quoted(taskQueue)}`,
    ...(user === undefined ? [] : [`${userId} = ${quoted(user)}`]),
    ...(status === undefined ? [] : [ofStatus(status)]),
    ...(since === undefined ? [] : [`StartTime >= ${quoted(since)}`]),
    ...(until === undefined ? [] : [`StartTime < ${quoted(until)}`]),
  ].join(' AND ');
}

/** A workflow that was ended from outside has no verdict, and its attribute still says that it runs. */
function ofStatus(status: NonNullable<SubmissionFilter['status']>): string {
  const is = `${statusAttribute} = ${quoted(status)}`;
  const without = `${statusAttribute} = 'running' AND ExecutionStatus`;
  if (status === 'running') return `${is} AND ExecutionStatus = 'Running'`;
  if (status === 'cancelled') return `(${is} OR (${without} = 'Canceled'))`;
  if (status === 'internal_error') return `(${is} OR (${without} NOT IN ('Running', 'Canceled')))`;
  return is;
}

function quoted(value: string): string {
  return `'${value.replaceAll(/['\\]/g, '\\$&')}'`;
}

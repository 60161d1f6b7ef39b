import { createHash } from 'node:crypto';
import type { Client } from '@temporalio/client';
import { executionInfoFromRaw } from '@temporalio/client/lib/helpers';
import { SEARCH_ATTRIBUTES, SUBMIT_CODE } from '../../workflows/contract';
import type { SubmissionFilter } from '../protocol/filter';
import { recordOf, type SubmissionList } from '../protocol/submissionRecord';

const { userId, status: statusAttribute } = SEARCH_ATTRIBUTES;

/** The page token does not belong to a list with this filter. */
export class UnknownPage extends Error {
  override name = 'UnknownPage';
}

/**
 * Returns a page of submissions from Temporal's visibility store, which lags by up to about a second.
 * Submissions in progress come first, then those that ended, the latest first.
 * @throws UnknownPage
 */
export async function listSubmissions(
  client: Client,
  taskQueue: string,
  filter: SubmissionFilter,
): Promise<SubmissionList> {
  const { namespace, loadedDataConverter } = client.options;
  const query = queryFor(taskQueue, filter);
  const { executions, nextPageToken } = await client.workflowService.listWorkflowExecutions({
    namespace,
    pageSize: filter.limit,
    query,
    nextPageToken: filter.page === undefined ? Buffer.alloc(0) : tokenIn(filter.page, query),
  });
  const infos = executions.map((each) => executionInfoFromRaw(each, loadedDataConverter, each, namespace));
  return {
    submissions: (await Promise.all(infos)).map(recordOf),
    next_page: nextPageToken?.length ? pageFor(Buffer.from(nextPageToken), query) : null,
  };
}

/** Bytes of a page token that identify its list. */
const MARK_BYTES = 8;

/**
 * Binds a token to its query. Temporal would accept the token of another query, and report an invalid token
 * as a failure that may pass.
 */
function pageFor(token: Buffer, query: string): string {
  return Buffer.concat([markOf(token, query), token]).toString('base64url');
}

function tokenIn(page: string, query: string): Buffer {
  const bytes = Buffer.from(page, 'base64url');
  const token = bytes.subarray(MARK_BYTES);
  if (!markOf(token, query).equals(bytes.subarray(0, MARK_BYTES)))
    throw new UnknownPage('there is no such page');
  return token;
}

function markOf(token: Buffer, query: string): Buffer {
  return createHash('sha256').update(query).update(token).digest().subarray(0, MARK_BYTES);
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

/** A workflow that was ended from outside has no verdict, and its status attribute is still `running`. */
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

import { isGrpcServiceError, type Client } from '@temporalio/client';
import { setTimeout as wait } from 'node:timers/promises';
import { DONE, linkedAbort } from '../../infrastructure/linkedAbort';
import type { Logger } from '../../infrastructure/logging';
import { isTemporary } from '../../infrastructure/temporal/temporaryErrors';
import { decoded } from '../../infrastructure/temporal/payloads';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import type { HistoryEvent } from '../../workflows/history/events';

type Execution = Pick<AcceptedSubmission, 'workflowId' | 'runId'>;

export interface HistoryPage {
  events: HistoryEvent[];
  /** Token of the next page; empty if the workflow is closed and everything was read. */
  nextPageToken: Uint8Array;
}

/** One call for history. Returns available events, or waits (about 20 s at most) for new ones. */
export type ReadHistory = (
  execution: Execution,
  nextPageToken: Uint8Array,
  signal: AbortSignal,
) => Promise<HistoryPage>;

/** Longer than the server lets a call wait, to detect a connection that was lost silently. */
const LONG_POLL_MS = 60_000;

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const START = new Uint8Array();

/** gRPC's status for a request that the server does not accept as it is. */
const INVALID_ARGUMENT = 3;

/** Reads histories from the Temporal server. */
export function temporalHistory(client: Client): ReadHistory {
  const { connection, options } = client;
  return async (execution, nextPageToken, signal) => {
    // Each call has its own signal: the connection never removes its listeners.
    const over = linkedAbort([signal]);
    try {
      const page = await connection.withAbortSignal(over.signal, () =>
        connection.withDeadline(Date.now() + LONG_POLL_MS, () =>
          connection.workflowService.getWorkflowExecutionHistory({
            namespace: options.namespace,
            execution,
            nextPageToken,
            waitNewEvent: true,
          }),
        ),
      );
      const events = await decoded(client, page.history?.events ?? []);
      return { events, nextPageToken: page.nextPageToken };
    } finally {
      over.abort(DONE);
    }
  };
}

/**
 * Yields every event of a workflow, once and in order, until it is closed; those that arrive together, together. Waits out outages and restarts of
 * the server: it then reads from the beginning, and skips events that it has already yielded. Ends early,
 * without an error, when the signal is aborted. Throws if the history can never be read again (it was
 * deleted).
 *
 * A token names a state of the workflow. When the server cannot store a change, it goes back to the state
 * before, and then refuses each token of the state that it gave up.
 */
export async function* followHistory(
  read: ReadHistory,
  execution: Execution,
  { signal, logger, firstPauseMs = FIRST_PAUSE_MS }: FollowOptions,
): AsyncGenerator<HistoryEvent[]> {
  let lastSeen = 0;
  let token: Uint8Array = START;
  let pause = firstPauseMs;
  while (!signal.aborted) {
    let page: HistoryPage;
    try {
      page = await read(execution, token, signal);
    } catch (error) {
      if (signal.aborted) return;
      if (!isTemporary(error) && !isRefusedToken(error, token)) throw error;
      logger.warn({ err: error, lastSeen, pauseMs: pause }, 'failed to read the history: retrying');
      await wait(pause, undefined, { signal }).catch(endedByAbort);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      token = START;
      continue;
    }
    pause = firstPauseMs;
    const seen = lastSeen;
    const news = page.events.filter(({ eventId }) => Number(eventId) > seen);
    lastSeen = Number(news.at(-1)?.eventId ?? seen);
    if (news.length > 0) yield news;
    if (page.nextPageToken.length === 0) return;
    token = page.nextPageToken;
  }
}

function isRefusedToken(error: unknown, token: Uint8Array): boolean {
  return token.length > 0 && isGrpcServiceError(error) && (error.code as number) === INVALID_ARGUMENT;
}

export interface FollowOptions {
  signal: AbortSignal;
  logger: Logger;
  /** Pause before the first retry after a failure, in milliseconds. Doubles with each retry, up to 5 s. */
  firstPauseMs?: number;
}

function endedByAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}

import type { Client } from '@temporalio/client';
import type { LogEvent } from '../../infrastructure/kubernetes/logs/podLog';
import { decoded } from '../../infrastructure/temporal/payloads';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import { followHistory, temporalHistory, type FollowOptions } from './history';
import type { HistoryEvent } from '../../workflows/history/events';
import type { FollowLog } from './liveOutput';
import type { PendingActivity } from './pendingActivities';
import type { ProgramUrl } from '../protocol/programUrl';
import { SharedStreams } from './sharedStream';

export interface FollowSources {
  /**
   * Yields every event of the submission's history, once and in order; those that arrive together, together.
   * Ends early when the signal is aborted.
   */
  followHistory(
    submission: AcceptedSubmission,
    options: FollowOptions,
  ): AsyncIterableIterator<HistoryEvent[]>;
  /** Returns the activities that have not finished. */
  readPending(submission: AcceptedSubmission): Promise<PendingActivity[]>;
  /**
   * Follows the logs of test pods. Null if they cannot be read: output is then sent when the tests are over.
   */
  followLog: FollowLog | null;
  /** Default: programs are not reached through the gateway. */
  programUrl?: ProgramUrl | undefined;
}

/**
 * Reads from a Temporal server and a cluster. All followers of a submission on this gateway share one reader.
 */
export function followSources(client: Client, followLog: FollowLog | null): FollowSources {
  const readHistory = temporalHistory(client);
  const histories = new SharedStreams<HistoryEvent[]>();
  const asked = new Map<string, Promise<PendingActivity[]>>();
  return {
    async *followHistory(submission, { signal, ...options }) {
      const begin = (end: AbortSignal) => followHistory(readHistory, submission, { ...options, signal: end });
      const name = `${submission.workflowId}/${submission.runId}`;
      let lastSeen = 0;
      for await (const events of histories.read(name, begin, { signal })) {
        const seen = lastSeen;
        // A reader that is too slow to share the history gets it again.
        const news = events.filter(({ eventId }) => Number(eventId) > seen);
        lastSeen = Number(news.at(-1)?.eventId ?? seen);
        if (news.length > 0) yield news;
      }
    },
    readPending({ workflowId, runId }) {
      const name = `${workflowId}/${runId}`;
      const answer =
        asked.get(name) ?? pendingOf(client, workflowId, runId).finally(() => asked.delete(name));
      asked.set(name, answer);
      return answer;
    },
    followLog: followLog && sharing(followLog),
  };
}

async function pendingOf(client: Client, workflowId: string, runId: string): Promise<PendingActivity[]> {
  const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
  return decoded(client, raw.pendingActivities ?? []);
}

/** For a reader that is too slow to share the log: it gets the log again, as after a broken connection. */
const AGAIN: LogEvent[] = [{ type: 'reopened', sameContainer: true }];

function sharing(followLog: FollowLog): FollowLog {
  const logs = new SharedStreams<LogEvent>();
  return (userId, { since, signal, logger }) =>
    logs.read(
      `${userId} ${since.toISOString()}`,
      (end) => followLog(userId, { since, signal: end, logger }),
      { signal, again: AGAIN },
    );
}

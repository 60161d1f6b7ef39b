import type { Client } from '@temporalio/client';
import type { Logger } from '../infrastructure/logging';
import { FrameReader, type AcceptedSubmission } from './frames';
import { followHistory, temporalHistory, type ReadHistory } from './history';
import { RetryReader, type PendingActivity } from './retries';
import { isFinal, type SubmissionFrame } from './serverFrames';
import { SILENCE, withSilences } from './silence';

/** How long nothing may happen before it is looked whether an activity is being retried, in milliseconds. */
const SILENCE_MS = { ms: 2_000, longestMs: 15_000 };

export interface FollowSources {
  readHistory: ReadHistory;
  /** Activities that were not finished yet. */
  readPending(submission: AcceptedSubmission): Promise<PendingActivity[]>;
}

export interface FollowSettings {
  /** Whether all frames are wanted, or only the final one. */
  progress: boolean;
  /** Ends the following; the submission goes on. */
  signal: AbortSignal;
  logger: Logger;
  silence?: { ms: number; longestMs: number };
}

/** What following reads from a Temporal server. */
export function temporalSources(client: Client): FollowSources {
  return {
    readHistory: temporalHistory(client),
    async readPending({ workflowId, runId }) {
      const { raw } = await client.workflow.getHandle(workflowId, runId).describe();
      return raw.pendingActivities ?? [];
    },
  };
}

/**
 * The frames of a submission from its beginning; the last one is its final frame, unless the signal ends it
 * before. Works for running submissions and for those that are over, from any gateway.
 */
export async function* follow(
  sources: FollowSources,
  submission: AcceptedSubmission,
  settings: FollowSettings,
): AsyncGenerator<SubmissionFrame> {
  const frames = new FrameReader(submission);
  const retries = new RetryReader(submission);
  const events = followHistory(sources.readHistory, submission, settings);
  for await (const event of withSilences(events, settings.silence ?? SILENCE_MS)) {
    if (event === SILENCE) {
      if (settings.progress) yield* retries.read(await pendingOf(sources, submission, settings), new Date());
      continue;
    }
    for (const frame of frames.read(event)) {
      if (settings.progress || isFinal(frame)) yield frame;
      if (isFinal(frame)) return;
    }
  }
  if (!settings.signal.aborted) throw new Error(`the history of ${submission.workflowId} has no end`);
}

/** Telling of retries is a courtesy: when it cannot be done, the frames that matter still come. */
async function pendingOf(
  sources: FollowSources,
  submission: AcceptedSubmission,
  { logger }: FollowSettings,
): Promise<PendingActivity[]> {
  try {
    return await sources.readPending(submission);
  } catch (error) {
    logger.debug({ err: error }, 'pending activities cannot be read');
    return [];
  }
}

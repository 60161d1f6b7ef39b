import { AsyncQueue } from '../../infrastructure/asyncQueue';
import { linkedAbort } from '../../infrastructure/linkedAbort';
import type { Logger } from '../../infrastructure/logging';
import type { Cursor } from '../protocol/cursor';
import type { FollowSources } from './followSources';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import { FrameBuilder } from './frameBuilder';
import type { HistoryEvent } from './historyEvents';
import { LiveOutput, type LiveItem } from './liveOutput';
import { PendingReader } from './pendingActivities';
import { isFinal, type SubmissionFrame } from '../protocol/serverFrames';
import { IDLE_TICK, withIdleTicks } from './idleTicks';

/** How long nothing may happen before it is looked whether an activity is being retried, in milliseconds. */
const IDLE_MS = { ms: 2_000, longestMs: 15_000 };

export interface FollowSettings {
  /** Whether all frames are wanted, or only the final one. */
  progress: boolean;
  /** The last frame that was seen; null for all from the beginning. */
  after: Cursor | null;
  /** Ends the following; the submission goes on. */
  signal: AbortSignal;
  logger: Logger;
  idle?: { ms: number; longestMs: number };
  /** Before the first new try after a failure to read history. */
  firstPauseMs?: number;
}

/** `after` is the final frame's cursor, or one that is not of this submission. */
export class NothingFollows extends Error {
  override name = 'NothingFollows';
}

type Item =
  | { event: HistoryEvent }
  | { live: LiveItem }
  | { idle: true }
  /** The history is over, or cannot be read. */
  | { end: Error | null };

/**
 * The frames of a submission after the one given; the last one is its final frame, unless the signal ends it
 * before. Works for running submissions and for those that are over, from any gateway.
 * @throws NothingFollows
 */
export async function* follow(
  sources: FollowSources,
  submission: AcceptedSubmission,
  settings: FollowSettings,
): AsyncGenerator<SubmissionFrame> {
  const frames = new FrameBuilder(submission, settings.after);
  const waiting = new PendingReader(submission);
  const over = linkedAbort([settings.signal]);
  const { signal } = over;
  const queue = new AsyncQueue<Item>(0);
  const { followLog } = sources;
  const live =
    followLog && settings.progress
      ? new LiveOutput(followLog, submission, (item) => queue.put({ live: item }), { ...settings, signal })
      : null;
  void pumpHistory(sources, submission, queue, { ...settings, signal });
  try {
    for await (const item of queue.take()) {
      if ('end' in item) {
        if (settings.signal.aborted) return;
        throw item.end ?? new Error(`the history of ${submission.workflowId} has no end`);
      }
      if ('idle' in item) {
        if (settings.progress && frames.isPending)
          yield* waiting.read(await pendingOf(sources, submission, settings), new Date());
        continue;
      }
      if ('live' in item) {
        const { live: told } = item;
        if ('ended' in told) yield* frames.ended(told.event, told.ended);
        else yield* frames.live(told.event, told.piece, new Date());
        continue;
      }
      const told = frames.read(item.event);
      live?.watch(frames.pendingTests);
      for (const frame of told) if (settings.progress || isFinal(frame)) yield frame;
      if (!frames.isOver) continue;
      if (told.some(isFinal)) return;
      throw new NothingFollows(`no frame of ${submission.submissionId} comes after the cursor`);
    }
  } finally {
    over.abort();
    queue.close();
  }
}

/** Puts every event into the queue, an idle tick whenever nothing comes for a while, and how it ended. */
async function pumpHistory(
  sources: FollowSources,
  submission: AcceptedSubmission,
  queue: AsyncQueue<Item>,
  { idle = IDLE_MS, ...settings }: FollowSettings,
): Promise<void> {
  try {
    const events = sources.followHistory(submission, settings);
    for await (const event of withIdleTicks(events, idle))
      if (!(await queue.put(event === IDLE_TICK ? { idle: true } : { event }))) return;
    await queue.put({ end: null });
  } catch (error) {
    await queue.put({ end: error instanceof Error ? error : new Error(String(error)) });
  }
}

/** Telling of what is pending is a courtesy: when it cannot be done, the frames that matter still come. */
async function pendingOf(
  sources: FollowSources,
  submission: AcceptedSubmission,
  { logger }: FollowSettings,
): ReturnType<FollowSources['readPending']> {
  try {
    return await sources.readPending(submission);
  } catch (error) {
    logger.debug({ err: error }, 'pending activities cannot be read');
    return [];
  }
}

import { AsyncQueue } from '../../infrastructure/asyncQueue';
import { DONE, linkedAbort } from '../../infrastructure/linkedAbort';
import type { Logger } from '../../infrastructure/logging';
import type { Cursor } from '../protocol/cursor';
import type { FollowSources } from './followSources';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import { FrameBuilder } from './frameBuilder';
import type { HistoryEvent } from '../../workflows/history/events';
import { LiveOutput, type LiveItem } from './liveOutput';
import { PendingReader } from './pendingActivities';
import { isFinal, type SubmissionFrame } from '../protocol/serverFrames';
import { IDLE_TICK, withIdleTicks } from './idleTicks';

/** How long the history may be idle before pending activities are checked for retries, in milliseconds. */
const IDLE_MS = { ms: 2_000, longestMs: 15_000 };

export interface FollowSettings {
  /** Whether to yield all frames, or only the final one. */
  progress: boolean;
  /** Cursor of the last frame that the client saw; null for all frames. */
  after: Cursor | null;
  /** Stops following. The submission continues. */
  signal: AbortSignal;
  logger: Logger;
  idle?: { ms: number; longestMs: number };
  /** Pause before the first retry after a failure to read history, in milliseconds. */
  firstPauseMs?: number;
}

/** No frame comes after `after`: it is the final frame's cursor, or does not belong to this submission. */
export class NothingFollows extends Error {
  override name = 'NothingFollows';
}

type Item =
  | { events: HistoryEvent[] }
  | { live: LiveItem }
  | { idle: true }
  /** The history has ended, or cannot be read. */
  | { end: Error | null };

/**
 * Yields the frames of a submission after the given one, up to the final frame or until the signal is
 * aborted. Works for submissions in progress and those that are over, on any gateway.
 * @throws NothingFollows
 */
export async function* follow(
  sources: FollowSources,
  submission: AcceptedSubmission,
  settings: FollowSettings,
): AsyncGenerator<SubmissionFrame> {
  const frames = new FrameBuilder(submission, settings.after, sources.programUrl);
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
        const { live: arrived } = item;
        if ('ended' in arrived) yield* frames.ended(arrived.event, arrived.ended);
        else yield* frames.live(arrived.event, arrived.piece, new Date());
        continue;
      }
      for (const event of item.events) {
        const built = frames.read(event);
        live?.watch(frames.pendingTests);
        for (const frame of built) if (settings.progress || isFinal(frame)) yield frame;
        if (!frames.isOver) continue;
        if (built.some(isFinal)) return;
        throw new NothingFollows(`no frame of ${submission.submissionId} comes after the cursor`);
      }
    }
  } finally {
    over.abort(DONE);
    queue.close();
  }
}

/**
 * Puts all events into the queue, an idle tick whenever none arrives for a while, and how the history ended.
 */
async function pumpHistory(
  sources: FollowSources,
  submission: AcceptedSubmission,
  queue: AsyncQueue<Item>,
  { idle = IDLE_MS, ...settings }: FollowSettings,
): Promise<void> {
  try {
    const events = sources.followHistory(submission, settings);
    for await (const next of withIdleTicks(events, idle))
      if (!(await queue.put(next === IDLE_TICK ? { idle: true } : { events: next }))) return;
    await queue.put({ end: null });
  } catch (error) {
    await queue.put({ end: error instanceof Error ? error : new Error(String(error)) });
  }
}

/** Best effort: if pending activities cannot be read, all other frames are still sent. */
async function pendingOf(
  sources: FollowSources,
  submission: AcceptedSubmission,
  { logger }: FollowSettings,
): ReturnType<FollowSources['readPending']> {
  try {
    return await sources.readPending(submission);
  } catch (error) {
    logger.debug({ err: error }, 'failed to read pending activities');
    return [];
  }
}

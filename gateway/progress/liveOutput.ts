import { setTimeout as wait } from 'node:timers/promises';
import type { LogEvent } from '../../infrastructure/kubernetes/logs/podLog';
import { DONE, linkedAbort } from '../../infrastructure/linkedAbort';
import type { Logger } from '../../infrastructure/logging';
import type { AcceptedSubmission } from '../protocol/acceptedSubmission';
import type { PendingTests } from './frameBuilder';
import { ExecutionFilter } from './executionFilter';
import { OutputBuffer } from './outputBuffer';
import type { EndedCase, LiveChunk } from './outputEmitter';

/**
 * Follows the log of a user's test pod from a given time on, until the signal is aborted. Never throws
 * before.
 */
export type FollowLog = (
  userId: string,
  options: { since: Date; signal: AbortSignal; logger: Logger },
) => AsyncIterable<LogEvent>;

/** Output or an ended test case, of the tests that the event `event` scheduled. */
export type LiveItem = { event: number; piece: LiveChunk } | { event: number; ended: EndedCase };

/**
 * How long to wait before the log is opened, in milliseconds. Most tests are over by then, and need no log.
 */
const FOLLOW_AFTER_MS = 30;

/** The log's clock and Temporal's may differ by this much, in milliseconds. */
const CLOCK_SKEW_MS = 10_000;

/** Pause between frames of output, in milliseconds: 20 frames a second. */
const PAUSE_MS = 50;

/** Follows the output of one submission's tests while they run. Best effort: it never fails. */
export class LiveOutput {
  private watched: { event: number; stop: AbortController } | null = null;

  /** @param put resolves when the item was accepted, so that nothing piles up for a slow client */
  constructor(
    private readonly followLog: FollowLog,
    private readonly submission: AcceptedSubmission,
    private readonly put: (item: LiveItem) => Promise<boolean>,
    private readonly settings: { signal: AbortSignal; logger: Logger },
  ) {}

  /** Follows these tests, and stops following others. Null stops following. */
  watch(tests: PendingTests | null): void {
    if (this.watched?.event === tests?.event) return;
    this.watched?.stop.abort(DONE);
    this.watched = null;
    if (!tests) return;
    const stop = linkedAbort([this.settings.signal]);
    this.watched = { event: tests.event, stop };
    const { signal } = stop;
    this.follow(tests, signal).catch((error: unknown) => {
      if (!signal.aborted) this.settings.logger.warn({ err: error }, 'failed to follow live output');
    });
  }

  private async follow(tests: PendingTests, signal: AbortSignal): Promise<void> {
    await wait(FOLLOW_AFTER_MS, undefined, { signal });
    const { userId, workflowId, runId } = this.submission;
    const own = new ExecutionFilter(`${workflowId}/${runId}/tests/`, tests.output.place);
    const pending = new OutputBuffer(tests.output.place);
    const since = new Date(tests.scheduledAt - CLOCK_SKEW_MS);
    const { logger } = this.settings;
    await Promise.all([
      this.tell(tests.event, pending, signal),
      (async () => {
        for await (const event of this.followLog(userId, { since, signal, logger })) {
          for (const output of own.take(event)) pending.add(output);
          for (const ended of own.cases(event)) await this.put({ event: tests.event, ended });
          await pending.room();
        }
      })(),
    ]);
  }

  private async tell(event: number, pending: OutputBuffer, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await pending.something();
      const pieces = pending.take();
      for (const piece of pieces) if (!(await this.put({ event, piece }))) return;
      await wait(PAUSE_MS * Math.max(pieces.length, 1), undefined, { signal });
    }
  }
}

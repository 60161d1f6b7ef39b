import type { Client } from '@temporalio/client';
import type { RecordedRuns } from '../infrastructure/elasticsearch/recordedRuns';
import type { Logger } from '../infrastructure/logging';
import { closedWorkflows, type Execution } from '../infrastructure/temporal/closedWorkflows';
import { RECORDED_TYPES } from '../workflows/history/trail';
import { inBackground, type Background } from './background';
import type { Recorder } from './recorder';

/** The time between two sweeps, in milliseconds. */
const EVERY_MS = 60_000;

/**
 * How far a sweep looks back before the last one, in milliseconds: Temporal lists a workflow some time after it
 * closed, and the clocks of servers differ.
 */
const OVERLAP_MS = 120_000;

/** Completes the log with what no worker recorded: after a crash, a long outage, or a termination. */
export class LogSweep {
  /** All workflows that ended before this time are recorded. Before the first look: when this worker began. */
  private recordedUntil = new Date();

  constructor(
    private readonly parts: {
      client: Client;
      taskQueue: string;
      runs: RecordedRuns;
      recorder: Recorder;
      logger: Logger;
    },
  ) {}

  /** How long ago the log was complete, in seconds. */
  get behindSeconds(): number {
    return (Date.now() - this.recordedUntil.getTime()) / 1000;
  }

  /** Sweeps every minute until it is stopped. Of several workers, the first to find that a minute is over does it. */
  start(everyMs = EVERY_MS): Background {
    return inBackground(async () => {
      try {
        const checkpoint = await this.parts.runs.readCheckpoint();
        if (checkpoint) this.recordedUntil = checkpoint;
        if (!checkpoint || this.behindSeconds * 1000 >= everyMs) await this.sweep(checkpoint);
      } catch (error) {
        const { behindSeconds } = this;
        this.parts.logger.warn({ err: error, behindSeconds }, 'failed to complete the log of actions');
      }
      return false;
    }, everyMs / 4);
  }

  /** @param checkpoint null to look at all that Temporal keeps */
  async sweep(checkpoint: Date | null): Promise<void> {
    const { client, taskQueue, runs, recorder, logger } = this.parts;
    const begun = new Date();
    const since = checkpoint && new Date(checkpoint.getTime() - OVERLAP_MS);
    const left: Execution[] = [];
    let found = 0;
    for await (const page of closedWorkflows(client, taskQueue, RECORDED_TYPES, since)) {
      const missing = new Set(await runs.missing(page.map(({ runId }) => runId)));
      const unrecorded = page.filter(({ runId }) => missing.has(runId));
      left.push(...(await recorder.record(unrecorded)));
      found += unrecorded.length;
    }
    // An alert comes while the checkpoint stays (LogBehind).
    if (left.length > 0)
      throw new Error(`${left.length} workflows could not be recorded, such as ${left[0]!.workflowId}.`);
    await runs.writeCheckpoint(begun);
    this.recordedUntil = begun;
    if (found > 0)
      logger.info({ workflows: found, since }, 'recorded workflows that were missing in the log');
  }
}

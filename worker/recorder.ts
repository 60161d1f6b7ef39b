/** Writes the actions of workflows that ended to the log, as their histories tell them. */
import { setTimeout as wait } from 'node:timers/promises';
import { WorkflowNotFoundError } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { documentsOf, type ActionTrail } from '../activities/actions';
import { outputOfTrail } from '../activities/outputDocuments';
import type { ActionLog, LogDocument, OutputLog } from '../activities/ports';
import type { Logger } from '../infrastructure/logging';
import type { Execution } from '../infrastructure/temporal/closedWorkflows';
import { isTemporary } from '../infrastructure/temporal/temporaryErrors';
import { trailOf } from '../workflows/history/trail';

/** How long to collect workflows that ended before their histories are read, in milliseconds. */
const COLLECT_MS = 200;

/** How many workflows are recorded together. */
const BATCH = 100;

/** How many histories are read at once. */
const READERS = 4;

/** The size at which documents are sent before the batch is complete, in characters of JSON. */
const BATCH_SIZE = 4 * 1024 * 1024;

/** How many workflows are remembered while the log store is away. The sweep finds those beyond. */
const MAX_PENDING = 10_000;

/** A workflow announces its end just before it ends. After this many looks, it is left to the sweep. */
const MAX_LOOKS = 5;

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export interface RecorderParts {
  actionLog: ActionLog;
  outputLog: OutputLog;
  readHistory: (execution: Execution) => Promise<temporal.api.history.v1.IHistoryEvent[]>;
  logger: Logger;
  /** Called once for each workflow that ended on this worker. */
  onTrail?: ((trail: ActionTrail) => void) | undefined;
}

interface Pending {
  execution: Execution;
  looks: number;
  isNew: boolean;
}

/**
 * Records workflows soon after they ended on this worker. It keeps what is left to record in memory alone:
 * whatever a worker loses, the sweep (logSweep.ts) finds in Temporal.
 */
export class Recorder {
  private pending = new Map<string, Pending>();
  private readonly over = new AbortController();
  private wake: () => void = () => undefined;
  private readonly working: Promise<void>;

  constructor(private readonly parts: RecorderParts) {
    this.working = this.work();
  }

  /** How many workflows wait to be recorded. */
  get waiting(): number {
    return this.pending.size;
  }

  /** A workflow is about to end. */
  ended(execution: Execution): void {
    if (this.pending.size >= MAX_PENDING) return;
    this.pending.set(execution.runId, { execution, looks: 0, isNew: true });
    this.wake();
  }

  /**
   * Records these workflows now.
   * @returns those that are left: they have not ended, or their histories cannot be read
   * @throws Error named `Unavailable` of the log store; ServiceError while Temporal does not answer
   */
  async record(executions: Execution[], onTrail?: (trail: ActionTrail) => void): Promise<Execution[]> {
    const left: Execution[] = [];
    const batch = new Batch(this.parts);
    const queue = [...executions];
    const reader = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const trail = await this.read(next);
        if (trail === 'left') left.push(next);
        else if (trail) {
          onTrail?.(trail);
          await batch.add(trail);
        }
      }
    };
    await Promise.all(Array.from({ length: READERS }, reader));
    await batch.flush();
    return left;
  }

  /** Records what it can in one more attempt, and leaves the rest to the sweep. */
  async stop(): Promise<void> {
    this.over.abort();
    this.wake();
    await this.working;
    const rest = [...this.pending.values()].slice(0, BATCH).map(({ execution }) => execution);
    await this.record(rest).catch((error: unknown) => {
      this.parts.logger.warn({ err: error, workflows: rest.length }, 'left to another worker to record');
    });
  }

  private async work(): Promise<void> {
    const { signal } = this.over;
    let pause = FIRST_PAUSE_MS;
    let batchSize = BATCH;
    while (!signal.aborted) {
      if (this.pending.size === 0) await new Promise<void>((resolve) => (this.wake = resolve));
      await wait(COLLECT_MS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const batch = [...this.pending.values()].slice(0, batchSize);
      try {
        await this.recordBatch(batch);
        pause = FIRST_PAUSE_MS;
        batchSize = BATCH;
      } catch (error) {
        this.parts.logger.warn(
          { err: error, waiting: this.waiting, pauseMs: pause },
          'failed to record actions',
        );
        await wait(pause, undefined, { signal }).catch(() => undefined);
        pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
        // Each attempt reads the histories again: one is enough to notice that the store is back.
        batchSize = 1;
      }
    }
  }

  private async recordBatch(batch: Pending[]): Promise<void> {
    const { onTrail } = this.parts;
    const left = await this.record(
      batch.map(({ execution }) => execution),
      (trail) => {
        const known = this.pending.get(trail.provenance.runId);
        if (!known?.isNew) return;
        known.isNew = false;
        onTrail?.(trail);
      },
    );
    const leftIds = new Set(left.map(({ runId }) => runId));
    for (const each of batch) {
      const { runId } = each.execution;
      each.looks += 1;
      if (!leftIds.has(runId) || each.looks >= MAX_LOOKS) this.pending.delete(runId);
    }
  }

  /**
   * Null for a workflow that Temporal does not know any more; `left` for one that has not ended, or whose history
   * cannot be read.
   */
  private async read(execution: Execution): Promise<ActionTrail | 'left' | null> {
    try {
      return trailOf(execution, await this.parts.readHistory(execution)) ?? 'left';
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      if (isTemporary(error)) throw error;
      this.parts.logger.error(
        { err: error, ...execution },
        'failed to read a history: its actions are not recorded',
      );
      return 'left';
    }
  }
}

/** Collects documents, and writes them together. */
class Batch {
  private actions: LogDocument[] = [];
  private output: LogDocument[] = [];
  private size = 0;

  constructor(private readonly parts: Pick<RecorderParts, 'actionLog' | 'outputLog' | 'logger'>) {}

  async add(trail: ActionTrail): Promise<void> {
    const actions = documentsOf(trail);
    const output = outputOfTrail(trail).documents;
    this.actions.push(...actions);
    this.output.push(...output);
    this.size += [...actions, ...output].reduce((sum, document) => sum + JSON.stringify(document).length, 0);
    if (this.size >= BATCH_SIZE) await this.flush();
  }

  async flush(): Promise<void> {
    const { actions, output } = this;
    this.actions = [];
    this.output = [];
    this.size = 0;
    const { actionLog, outputLog, logger } = this.parts;
    // The output first: a run whose last action is stored counts as recorded.
    if (output.length > 0) await outputLog.write(output);
    if (actions.length === 0) return;
    const { rejected } = await actionLog.write(actions);
    if (rejected > 0)
      logger.error({ rejected }, 'the log store rejected actions: see the index of rejected ones');
  }
}

import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../logging';
import type { LogDocument } from '../../activities/ports';
import type { WriteReport } from './actionLog';
import type { LogCounters } from './counters';
import type { Segment, Spool } from './spool';

export interface AuditLogSettings {
  spool: Spool;
  /** Stores each document exactly once, by its id. Throws when it cannot. */
  write: (documents: LogDocument[]) => Promise<WriteReport>;
  logger: Logger;
  counters?: LogCounters | undefined;
}

/** Keeps documents on disk until Elasticsearch has stored them, so that no caller waits for Elasticsearch. */
export interface AuditLog {
  record(document: LogDocument): void;
  /** Stores as much as it can within `graceMs`; the rest stays on disk for the next process. */
  close(graceMs?: number): Promise<void>;
}

/** Documents per request. */
const BATCH = 500;

/** Documents that arrive within this time are stored together, in milliseconds. */
const GATHER_MS = 200;

/** Pauses between attempts to store, and between checks for spools of dead processes, in milliseconds. */
const PAUSE = { first: 500, factor: 2, longest: 5_000 };
const ADOPT_MS = 60_000;

const GRACE_MS = 2_000;

export function createAuditLog({ spool, write, logger, counters }: AuditLogSettings): AuditLog {
  const closing = new AbortController();
  let wake: () => void = () => undefined;
  /** Documents lost because the spool was full. Reported in a separate document when there is room again. */
  let lost: { count: number; since: string } | null = null;

  function keep(document: LogDocument): boolean {
    const isKept = spool.append(JSON.stringify(document));
    counters?.waiting(spool.bytes);
    if (isKept) wake();
    return isKept;
  }

  /** @returns false when Elasticsearch did not store it */
  async function store(segment: Segment): Promise<boolean> {
    try {
      const documents = segment.lines.flatMap((line) => parsed(line, logger));
      for (let from = 0; from < documents.length; from += BATCH)
        await write(documents.slice(from, from + BATCH));
      spool.remove(segment);
      counters?.waiting(spool.bytes);
      return true;
    } catch (error) {
      logger.warn({ err: error, waitingBytes: spool.bytes }, 'audit is kept on disk until it can be stored');
      return false;
    }
  }

  function reportLoss(): void {
    if (!lost) return;
    const at = new Date().toISOString();
    const { count, since } = lost;
    const told = keep({
      _id: `audit.gap:${process.pid}:${at}`,
      '@timestamp': at,
      message: `${count} documents of the audit did not fit on disk since ${since}: they are in the log of the process`,
      event: {
        kind: 'event',
        action: 'audit.gap',
        category: ['process'],
        type: ['error'],
        outcome: 'failure',
      },
      details: { count, since },
    });
    if (told) lost = null;
  }

  async function run(): Promise<void> {
    let pause = PAUSE.first;
    let adoptedAt = Date.now();
    for (;;) {
      const segment = spool.next();
      if (segment) {
        const isStored = await store(segment);
        if (isStored) reportLoss();
        else if (closing.signal.aborted) return;
        else await wait(pause, undefined, { signal: closing.signal }).catch(() => undefined);
        pause = isStored ? PAUSE.first : Math.min(pause * PAUSE.factor, PAUSE.longest);
        continue;
      }
      if (closing.signal.aborted) return;
      const something = new Promise<void>((resolve) => (wake = resolve));
      await Promise.race([
        something,
        wait(ADOPT_MS, undefined, { signal: closing.signal }).catch(() => undefined),
      ]);
      await wait(GATHER_MS, undefined, { signal: closing.signal }).catch(() => undefined);
      if (Date.now() - adoptedAt < ADOPT_MS) continue;
      adoptedAt = Date.now();
      spool.adopt();
    }
  }

  const running = run();
  return {
    record(document) {
      if (keep(document)) return;
      lost = { count: (lost?.count ?? 0) + 1, since: lost?.since ?? document['@timestamp'] };
      counters?.documents('dropped', 1);
      logger.error({ document }, 'audit spool is full: this log line is the only record of the document');
    },
    async close(graceMs = GRACE_MS) {
      closing.abort();
      const over = new AbortController();
      const late = wait(graceMs, undefined, { signal: over.signal }).catch(() => undefined);
      await Promise.race([running, late]);
      over.abort();
      spool.close();
    },
  };
}

/** A process that died while writing leaves a partial line, which was never confirmed to its caller. */
function parsed(line: string, logger: Logger): LogDocument[] {
  try {
    return [JSON.parse(line) as LogDocument];
  } catch {
    logger.warn({ line }, 'skipped an incomplete line of the audit spool');
    return [];
  }
}

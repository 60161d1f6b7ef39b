import { mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import pino from 'pino';
import { Registry } from 'prom-client';
import type { LogDocument } from '../../../activities/ports';
import { createAuditLog } from '../../../infrastructure/elasticsearch/auditLog';
import { createLogCounters } from '../../../infrastructure/elasticsearch/counters';
import { Spool } from '../../../infrastructure/elasticsearch/spool';

let directory: string;
let logged: string[];
const logger = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spool-'));
  logged = [];
});
afterEach(() => rmSync(directory, { recursive: true }));

const document = (n: number): LogDocument => ({ _id: String(n), '@timestamp': '2026-01-01T00:00:00Z', n });

/** A store that can be unavailable; it stores each document once, like Elasticsearch. */
class Store {
  readonly documents = new Map<string, LogDocument>();
  isThere = true;
  tries = 0;

  write = (documents: LogDocument[]) => {
    this.tries += 1;
    if (!this.isThere) return Promise.reject(new Error('away'));
    for (const each of documents) this.documents.set(each._id, each);
    return Promise.resolve({ stored: documents.length, known: 0, rejected: 0 });
  };
}

async function eventually(check: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!check()) {
    if (Date.now() > deadline) throw new Error(`not within 10 s: ${check.toString()}`);
    await wait(10);
  }
}

test('what a store that is away did not take waits on disk, in order, and is stored when it is back', async () => {
  const spool = new Spool({ directory, maxBytes: 1_000_000, segmentBytes: 500 });
  const store = new Store();
  store.isThere = false;
  const log = createAuditLog({ spool, write: store.write, logger });
  for (let n = 0; n < 100; n++) log.record(document(n));
  await eventually(() => store.tries > 1);
  expect(spool.bytes).toBeGreaterThan(5_000);
  store.isThere = true;
  await eventually(() => store.documents.size === 100);
  expect([...store.documents.values()].map(({ n }) => n)).toEqual([...Array(100).keys()]);
  await eventually(() => spool.bytes === 0);
  await log.close();
});

test('what a process left at its end is stored by the next one', async () => {
  const store = new Store();
  store.isThere = false;
  const first = createAuditLog({
    spool: new Spool({ directory, maxBytes: 10_000 }),
    write: store.write,
    logger,
  });
  first.record(document(1));
  await first.close(50);
  store.isThere = true;
  const second = createAuditLog({
    spool: new Spool({ directory, maxBytes: 10_000 }),
    write: store.write,
    logger,
  });
  await eventually(() => store.documents.size === 1);
  await second.close();
  expect(readdirSync(directory)).toEqual([]);
});

test('what a killed process left is taken over when it has been silent for a while, and not before', () => {
  const killed = new Spool({ directory, maxBytes: 10_000 });
  killed.append('{"a":1}');
  const next = new Spool({ directory, maxBytes: 10_000 });
  expect(next.next()).toBeNull();
  for (const name of readdirSync(directory)) utimesSync(join(directory, name, 'alive'), 1, 1);
  utimesSync(join(directory, readdirSync(directory)[0]!, 'alive'), 1, 1);
  const taken = new Spool({ directory, maxBytes: 10_000 });
  expect(taken.next()?.lines).toEqual(['{"a":1}']);
  for (const spool of [killed, next, taken]) spool.close();
});

test('a full disk is told: in the log of the process, in a counter, and in the audit when there is room', async () => {
  const register = new Registry();
  const store = new Store();
  store.isThere = false;
  const spool = new Spool({ directory, maxBytes: 600 });
  const counters = createLogCounters(register);
  const log = createAuditLog({ spool, write: store.write, logger, counters });
  for (let n = 10; n < 40; n++) log.record(document(n));
  const kept = Math.floor(600 / (JSON.stringify(document(10)).length + 1));
  const lost = logged
    .map((line) => JSON.parse(line) as { document?: LogDocument })
    .filter((line) => line.document);
  expect(lost).toHaveLength(30 - kept);
  expect(lost[0]?.document?.n).toBe(10 + kept);
  expect(await register.metrics()).toContain(
    `orchestration_log_documents_total{result="dropped"} ${30 - kept}`,
  );
  store.isThere = true;
  await eventually(() => store.documents.size === kept + 1);
  expect([...store.documents.values()].at(-1)).toMatchObject({
    event: { action: 'audit.gap' },
    details: { count: 30 - kept },
  });
  await log.close();
});

test('a line that is not whole does not hold up the others', async () => {
  const spool = new Spool({ directory, maxBytes: 10_000 });
  spool.append('{"_id":"1"');
  const store = new Store();
  const log = createAuditLog({ spool, write: store.write, logger });
  log.record(document(2));
  await eventually(() => store.documents.size === 1);
  expect(logged.join()).toContain('incomplete line');
  await log.close();
});

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { temporalProgram } from '../../local-stack/artifacts/temporalProgram';
import { runCommand } from '../../local-stack/machine/command';
import { Progress } from '../../local-stack/machine/progress';
import { temporal, temporalDatabase } from '../../local-stack/parts/temporal';
import type { ServerPart } from '../../local-stack/parts/serverPart';
import { readSettings, type Settings } from '../../local-stack/settings';
import { migrateDatabase, migrationFiles } from '../../local-stack/temporal/migrateDatabase';
import { reservePort } from '../reservedPorts';
import type { waitForFinish } from './temporalUpgrade/workflows';

/**
 * The state of a local stack with Temporal server 1.29, opened by the pinned version. The file contains a
 * closed and an open run of the workflow `waitForFinish`, and a paused schedule; the retention is 100 years.
 */
const OLD_DATABASE = gunzipSync(readFileSync(join(__dirname, 'temporalUpgrade', 'server-1.29.db.gz')));

const progress = new Progress();
let settings: Settings;
let program: string;
let server: ServerPart;
let connection: Connection;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const usual = readSettings();
  const ports = { ...usual.ports, temporal: await reservePort(), temporalUi: await reservePort() };
  settings = { ...usual, ports, stateDirectory: mkdtempSync(join(tmpdir(), 'upgrade-')) };
  mkdirSync(dirname(temporalDatabase(settings)));
  writeFileSync(temporalDatabase(settings), OLD_DATABASE);
  program = await temporalProgram(settings, progress);
  await migrateDatabase(settings, program, progress);
  server = temporal(settings, program);
  await server.start();
  await server.ready();
  connection = await Connection.connect({ address: `127.0.0.1:${settings.ports.temporal}` });
});

afterAll(async () => {
  await connection?.close();
  await server?.stop();
  rmSync(settings.stateDirectory, { recursive: true, force: true });
});

test('a closed run is there with its history, and found by its search attribute', async () => {
  const client = new Client({ connection });
  const closed = client.workflow.getHandle<typeof waitForFinish>('closed');
  expect(await closed.result()).toBe('finished');
  const { events } = await closed.fetchHistory();
  expect(events?.map(({ eventId }) => Number(eventId))).toEqual(events?.map((_, index) => index + 1));
  const listed = client.workflow.list({ query: 'UserId = "test"' });
  const ids: string[] = [];
  for await (const { workflowId } of listed) ids.push(workflowId);
  expect(ids.sort()).toEqual(['closed', 'open']);
});

test('an open run continues and ends', async () => {
  const worker = await Worker.create({
    connection: await NativeConnection.connect({ address: `127.0.0.1:${settings.ports.temporal}` }),
    taskQueue: 'upgrade',
    workflowsPath: require.resolve('./temporalUpgrade/workflows.ts'),
  });
  const open = new Client({ connection }).workflow.getHandle<typeof waitForFinish>('open');
  const result = await worker.runUntil(async () => {
    await open.signal('finish');
    return open.result();
  });
  expect(result).toBe('finished');
});

test('schedules, whose columns server 1.29 did not have, are listed', async () => {
  const ids: string[] = [];
  for await (const { scheduleId } of new Client({ connection }).schedule.list()) ids.push(scheduleId);
  expect(ids).toEqual(['nightly']);
});

test('the old file is kept, and the next start copies nothing', async () => {
  const database = temporalDatabase(settings);
  expect(readFileSync(migrationFiles(database).backup).equals(OLD_DATABASE)).toBe(true);
  const { ino } = statSync(database);
  await migrateDatabase(settings, program, progress);
  expect(statSync(database).ino).toBe(ino);
});

test('a file with something that has no place in the new version is an error, and stays as it is', async () => {
  const other = { ...settings, stateDirectory: join(settings.stateDirectory, 'other') };
  other.ports = { ...settings.ports, temporal: await reservePort(), temporalUi: await reservePort() };
  const database = temporalDatabase(other);
  mkdirSync(dirname(database), { recursive: true });
  writeFileSync(database, OLD_DATABASE);
  const addTable = `import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('CREATE TABLE extra (id INT)')`;
  await runCommand('python3', ['-c', addTable, database]);
  const before = readFileSync(database);
  await expect(migrateDatabase(other, program, progress)).rejects.toThrow(
    /is unchanged: .*whole table of extra/s,
  );
  expect(readFileSync(database).equals(before)).toBe(true);
  expect(existsSync(migrationFiles(database).version)).toBe(false);
});

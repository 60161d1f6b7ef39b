import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { runCommand } from '../../local-stack/machine/command';

const COPY = resolve(__dirname, '../../local-stack/temporal/copyDatabase.py');

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'copy-'))));
afterEach(() => rmSync(directory, { recursive: true }));

/** Runs SQL on a database in the directory. @returns the rows of the last statement */
async function sql(name: string, ...statements: string[]): Promise<unknown[][]> {
  const script = `
import json, sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    for statement in sys.argv[2:]:
        rows = database.execute(statement).fetchall()
print(json.dumps(rows))`;
  const output = await runCommand('python3', ['-c', script, join(directory, name), ...statements]);
  return JSON.parse(output) as unknown[][];
}

const copy = () => runCommand('python3', [COPY, join(directory, 'old'), join(directory, 'new')]);

const RUNS = 'CREATE TABLE runs (id TEXT PRIMARY KEY, attributes TEXT';
const STATUS = `, status TEXT GENERATED ALWAYS AS (json_extract(attributes, '$.status')) STORED`;

test('copies rows, and derives new columns and full-text indexes from them', async () => {
  await sql('old', `${RUNS})`, `INSERT INTO runs VALUES ('a', '{"status": "passed"}')`);
  await sql(
    'new',
    `${RUNS}, size INT DEFAULT 7${STATUS})`,
    `CREATE VIRTUAL TABLE runs_text USING fts5(status, content='runs')`,
    `CREATE TRIGGER added AFTER INSERT ON runs BEGIN INSERT INTO runs_text (rowid, status) VALUES (NEW.rowid, NEW.status); END`,
    `CREATE TABLE added_later (id TEXT)`,
  );
  await copy();
  expect(await sql('new', 'SELECT id, size, status FROM runs')).toEqual([['a', 7, 'passed']]);
  expect(await sql('new', `SELECT rowid FROM runs_text WHERE runs_text MATCH 'passed'`)).toEqual([[1]]);
});

test('copies what a server that was killed left in its journal, and leaves none', async () => {
  const killed = `
import os, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]: database.execute(statement)
os._exit(0)`;
  const statements = ['PRAGMA journal_mode=WAL', `${RUNS})`, `INSERT INTO runs VALUES ('a', '{}')`];
  await runCommand('python3', ['-c', killed, join(directory, 'old'), ...statements]);
  expect(readdirSync(directory)).toContain('old-wal');
  await sql('new', 'PRAGMA journal_mode=WAL', `${RUNS})`);
  await copy();
  expect(readdirSync(directory).sort()).toEqual(['new', 'old']);
  expect(await sql('new', 'SELECT * FROM runs')).toEqual([['a', '{}']]);
});

test('replaces the rows that the new version made for itself', async () => {
  await sql('old', `${RUNS})`, `INSERT INTO runs VALUES ('a', '{}')`);
  await sql(
    'new',
    `${RUNS})`,
    `INSERT INTO runs VALUES ('a', '{"new": 1}')`,
    `INSERT INTO runs VALUES ('b', '{}')`,
  );
  await copy();
  expect(await sql('new', 'SELECT * FROM runs')).toEqual([['a', '{}']]);
});

test.each([
  ['table', ['CREATE TABLE gone (id TEXT)'], 'the whole table of gone'],
  ['column', ['ALTER TABLE runs ADD COLUMN gone TEXT'], 'gone of runs'],
])('refuses a %s for which there is no place, and copies nothing', async (_, statements, named) => {
  await sql('old', `${RUNS})`, `INSERT INTO runs VALUES ('a', '{}')`, ...statements);
  await sql('new', `${RUNS})`, `INSERT INTO runs VALUES ('own', '{}')`);
  await expect(copy()).rejects.toThrow(named);
  expect(await sql('new', 'SELECT id FROM runs')).toEqual([['own']]);
});

test('refuses a file that is not a database of Temporal', async () => {
  await sql('new', `${RUNS})`);
  await expect(copy()).rejects.toThrow('has no tables');
});

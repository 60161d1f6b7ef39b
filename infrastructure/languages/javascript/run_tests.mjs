/** Runs test files with node:test and reports each test to descriptor 3. Exits with 0 passed, 1 failed, 5 no tests. */
import { writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { run } from 'node:test';

const REPORT = 3;
const NO_TESTS = 5;
const MAX_MESSAGE = 4000;

let told = 0;
let failed = 0;

function report(data, outcome) {
  // A file is a test of its own, and so is a suite: what counts is the tests in them.
  if (data.details?.type === 'suite' || data.name === data.file || data.name === resolve(data.file ?? ''))
    return;
  told += 1;
  if (outcome === 'failed') failed += 1;
  const message =
    outcome === 'failed' ? String(data.details?.error?.cause?.stack ?? data.details?.error) : null;
  const duration_ms = Math.round((data.details?.duration_ms ?? 0) * 10) / 10;
  writeSync(
    REPORT,
    `${JSON.stringify({ name: data.name, outcome, duration_ms, message: message?.slice(-MAX_MESSAGE) ?? null })}\n`,
  );
}

const skipped = (data) => data.skip !== undefined || data.todo !== undefined;

run({ files: process.argv.slice(2).map((file) => resolve(file)), concurrency: 1 })
  .on('test:pass', (data) => report(data, skipped(data) ? 'skipped' : 'passed'))
  .on('test:fail', (data) => report(data, 'failed'))
  .on('test:stderr', ({ message }) => process.stderr.write(message))
  .on('test:stdout', ({ message }) => process.stdout.write(message))
  .on('end', () => {
    process.exitCode = failed > 0 ? 1 : told === 0 ? NO_TESTS : 0;
  })
  .resume();

/** Runs test files with node:test and reports each test to descriptor 3. Exits with 0 passed, 1 failed, 5 no tests. */
import { writeSync } from 'node:fs';
import { basename, relative, resolve } from 'node:path';
import { run } from 'node:test';
import { fileURLToPath } from 'node:url';

const REPORT = 3;
const NO_TESTS = 5;
/** How many tests are listed by name: this many that did not pass, and this many others. All are counted. */
const MAX_LISTED = 200;
const MAX_NAME = 400;
const MAX_MESSAGE = 2_000;
/**
 * The size of the failures that are repeated at the end, in bytes: the last 128 KiB of a report are always
 * kept.
 */
const MAX_FAILURES = 96 * 1024;

/** The file names that Node treats as tests, according to its documentation. */
const NAMES = /^(?:test|test-.*|.*[._-]test)\.[cm]?[jt]s$/;
const SCRIPT = /\.[cm]?[jt]s$/;

const counts = { found: 0, passed: 0, failed: 0, skipped: 0 };
const failures = [];
let listed = 0;
/** Files whose own processes reported that their tests are finished. */
const finished = new Set();
const endedEarly = new Set();
/** The end of the running file's stderr, with Node's diagnostics about it. */
let remarks = '';
/** Node's own overall result. */
let success = false;

function filesOf(names) {
  const scripts = names.filter((name) => SCRIPT.test(name));
  const tests = scripts.filter((name) => NAMES.test(basename(name)) || /(?:^|\/)test\//.test(nameOf(name)));
  return (tests.length > 0 ? tests : scripts).map((name) => resolve(name));
}

/** Node reports a file as a test, too. */
const isFile = ({ name, file }) => file !== undefined && (name === file || name === resolve(file));
const nameOf = (file) => relative('', resolve(file));

function onBegin(data) {
  if (!isFile(data)) return;
  remarks = '';
  write({ begin: nameOf(data.file) });
}

function onResult(data, outcome) {
  // A suite fails because of its tests, which are reported separately, or by itself, for example in a hook.
  if (data.details?.type === 'suite' || isFile(data)) return onContainer(data, outcome);
  const isSkipped = data.skip !== undefined || data.todo !== undefined;
  const message = outcome === 'failed' ? messageOf(data) : null;
  result(data.name, isSkipped ? 'skipped' : outcome, data, message);
}

/** Handles the result of a suite or a file. */
function onContainer(data, outcome) {
  const { failureType, exitCode, signal } = data.details?.error ?? {};
  if (outcome !== 'failed' || failureType === 'subtestsFailed' || data.todo !== undefined) return;
  if (!isFile(data)) return result(data.name, 'error', data, messageOf(data));
  if (endedEarly.has(data.file)) return;
  const ended = exitCode === undefined ? messageOf(data) : endOf(exitCode, signal);
  result(nameOf(data.file), 'error', data, ended);
}

/** Handles the end of a file's process. Without a summary from the file, its tests had not finished. */
function onComplete(data) {
  if (!isFile(data) || finished.has(data.file)) return;
  const { exitCode = 0, signal = null } = data.details?.error ?? {};
  endedEarly.add(data.file);
  write({ ended_early: nameOf(data.file), exit_code: exitCode, signal });
  result(nameOf(data.file), 'error', data, endOf(exitCode, signal));
}

function onSummary(data) {
  if (data.file === undefined) success = data.success;
  else finished.add(data.file);
}

function remark(text) {
  remarks = (remarks + text).slice(-MAX_MESSAGE);
}

function messageOf({ details }) {
  const error = details?.error?.cause ?? details?.error;
  return String(error?.stack ?? error?.message ?? error);
}

function endOf(exitCode, signal) {
  const end = signal ? `signal ${signal}` : `exit code ${exitCode}`;
  return `The file ended with ${end}.${remarks === '' ? '' : `\n${remarks.trimEnd()}`}`;
}

function result(name, outcome, data, message) {
  const isFailure = outcome === 'failed' || outcome === 'error';
  counts.found += 1;
  counts[isFailure ? 'failed' : outcome] += 1;
  const duration_ms = Math.round((data.details?.duration_ms ?? 0) * 10) / 10;
  const test = { name: name.slice(0, MAX_NAME), outcome, duration_ms, message: cut(message, MAX_MESSAGE) };
  if (isFailure ? failures.length >= MAX_LISTED : listed >= MAX_LISTED) return;
  if (isFailure) failures.push(test);
  else listed += 1;
  write({ test, counts });
}

/** The end of a text, short enough that its JSON has at most `bytes` bytes. */
function cut(text, bytes) {
  let kept = text?.slice(-MAX_MESSAGE) ?? null;
  while (kept !== null && Buffer.byteLength(JSON.stringify(kept)) > bytes)
    kept = kept.slice(Math.ceil(kept.length / 2));
  return kept;
}

function write(line) {
  let data = Buffer.from(`${JSON.stringify(line)}\n`);
  while (data.length > 0) data = data.subarray(writeSync(REPORT, data));
}

function onEnd() {
  const room = Math.floor(MAX_FAILURES / Math.max(failures.length, 1)) / 2;
  const kept = failures.map((test) => ({
    ...test,
    name: cut(test.name, room),
    message: cut(test.message, room),
  }));
  write({ end: true, counts, failures: kept });
  if (counts.failed > 0 || !success) process.exitCode = 1;
  else if (counts.found === 0) process.exitCode = NO_TESTS;
}

const hook = fileURLToPath(new URL('begin_hook.cjs', import.meta.url));

run({
  files: filesOf(process.argv.slice(2)),
  concurrency: 1,
  execArgv: [`--require=${hook}`],
})
  .on('test:dequeue', onBegin)
  .on('test:pass', (data) => onResult(data, 'passed'))
  .on('test:fail', (data) => onResult(data, 'failed'))
  .on('test:complete', onComplete)
  .on('test:summary', onSummary)
  .on('test:diagnostic', ({ file, message }) => file !== undefined && remark(`${message}\n`))
  .on('test:stderr', ({ message }) => {
    remark(message);
    process.stderr.write(message);
  })
  .on('test:stdout', ({ message }) => process.stdout.write(message))
  .on('end', onEnd)
  .resume();

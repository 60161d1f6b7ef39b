/**
 * Loaded by Node in each process that runs a test file, before the file: names each test on the report of the runner
 * (run_tests.mjs) as it begins. What node:test itself reports of a test is lost when the process ends at once.
 */
const { openSync, writeSync } = require('node:fs');
const { beforeEach } = require('node:test');
const { isMainThread } = require('node:worker_threads');

const MAX_NAME = 400;

// What the tests start is no test process: it must not load this.
const mine = process.execArgv.findIndex((option) => option.endsWith(__filename));
const isTestProcess = isMainThread && mine !== -1;
if (mine !== -1) process.execArgv.splice(mine, 1);

if (isTestProcess) {
  const report = reportOfRunner();
  // Also without a report: with a hook there is a summary of each file, by which the runner knows that it was over.
  beforeEach(({ fullName }) => {
    if (report !== null) writeSync(report, `${JSON.stringify({ begin: fullName.slice(0, MAX_NAME) })}\n`);
  });
}

/** Descriptor 3 of the runner, or null where a process may not see its parent's: then files are named, not tests. */
function reportOfRunner() {
  try {
    return openSync(`/proc/${process.ppid}/fd/3`, 'a');
  } catch {
    return null;
  }
}

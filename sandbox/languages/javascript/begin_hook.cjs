/**
 * Node loads this in each process that runs a test file, before the file. It adds each test that begins to
 * the report of the runner (run_tests.mjs). What node:test itself reports about a test is lost if the process
 * exits abruptly.
 */
const { openSync, writeSync } = require('node:fs');
const { beforeEach } = require('node:test');
const { isMainThread } = require('node:worker_threads');

const MAX_NAME = 400;

// Processes that the tests start are not test processes, so they must not load this file.
const mine = process.execArgv.findIndex((option) => option.endsWith(__filename));
const isTestProcess = isMainThread && mine !== -1;
if (mine !== -1) process.execArgv.splice(mine, 1);

if (isTestProcess) {
  const report = reportOfRunner();
  // The hook is needed even without a report: it makes Node send a summary for each file, and the summary
  // shows the runner that the file finished.
  beforeEach(({ fullName }) => {
    if (report !== null) writeSync(report, `${JSON.stringify({ begin: fullName.slice(0, MAX_NAME) })}\n`);
  });
}

/**
 * Opens descriptor 3 of the runner. Null where a process cannot access its parent's descriptors: then the
 * report contains files, but not the tests that began.
 */
function reportOfRunner() {
  try {
    return openSync(`/proc/${process.ppid}/fd/3`, 'a');
  } catch {
    return null;
  }
}

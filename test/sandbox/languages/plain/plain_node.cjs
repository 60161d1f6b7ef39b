/** Runs node:test as it is over the files given, and prints its exit code and its report in TAP. */
const { spawnSync } = require('node:child_process');

const options = ['--test', '--test-reporter=tap', '--test-concurrency=1'];
const { status, stdout } = spawnSync(process.execPath, [...options, ...process.argv.slice(2)], {
  encoding: 'utf8',
});
console.log(`\n${JSON.stringify({ code: status, tap: stdout.replace(/^ .*\n/gm, '') })}`);

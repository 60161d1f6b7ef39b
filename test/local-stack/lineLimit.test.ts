import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The process that rsyslog asks whether to store a line. */

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'line-limit-'));
});

afterEach(() => rm(directory, { recursive: true }));

const line = (time: string, container = 'user-ada_ada-prod-1_uid/program') =>
  JSON.stringify({
    msg: `2026-01-31T12:${time}.000000009Z stdout F text with "quotes" and é`,
    '$!': { metadata: { filename: `/logs/${container}/0.log`, fileoffset: 0 } },
  });
const MARK = JSON.stringify({ msg: '-- MARK --', '$!': null });

/** Sends lines, with a limit of two a minute. @returns whether each is stored, and the notices */
async function limited(lines: string[]): Promise<{ stored: boolean[]; notices: string[] }> {
  const file = join(directory, 'notices');
  const { stdout } = spawnSync(process.execPath, ['local-stack/logForwarder/lineLimit.mjs', '2', file], {
    input: lines.map((each) => `${each}\n`).join(''),
    encoding: 'utf8',
  });
  const notices = await readFile(file, 'utf8').catch(() => '');
  return {
    stored: stdout
      .trim()
      .split('\n')
      .map((answer) => answer === '{}'),
    notices: notices.trim().split('\n'),
  };
}

test('each container has a limit of its own for each minute in which it printed, and a notice', async () => {
  const other = 'user-bob_bob-prod-1_uid/program';
  const { stored, notices } = await limited([
    ...['00:01', '00:02', '00:03'].map((time) => line(time)),
    ...[line('00:03', other), line('00:59'), MARK],
    ...['01:00', '01:01', '01:02'].map((time) => line(time)),
  ]);
  expect(stored).toEqual([true, true, false, true, false, false, true, true, false]);
  expect(notices).toEqual([
    'user-ada_ada-prod-1_uid/program 2026-01-31T12:00:59.000000010Z stderr F [2 lines were not stored: more than 2 ' +
      'were printed within a minute. The node keeps the latest ones: kubectl logs ada-prod-1 -n user-ada -c program]',
    expect.stringContaining('12:01:02.000000010Z stderr F [1 lines were not stored'),
  ]);
});

test('lines that are read again are treated alike', async () => {
  const lines = ['00:01', '00:02', '00:03', '01:00'].map((time) => line(time));
  expect((await limited(lines)).stored).toEqual((await limited(lines)).stored);
});

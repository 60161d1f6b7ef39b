import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  childrenOf,
  describeProcess,
  identify,
  processesWithVariable,
  stillRuns,
} from '../../infrastructure/processIdentity';

test('a running process is told by its pid and start time', () => {
  const self = identify(process.pid);
  expect(self?.pid).toBe(process.pid);
  expect(self && stillRuns(self)).toBe(true);
});

test('a pid that now belongs to another process does not count as the same process', () => {
  const self = identify(process.pid);
  expect(stillRuns({ pid: process.pid, startTime: `${Number(self?.startTime) - 1}` })).toBe(false);
});

test('a process that ended has no identity', async () => {
  const child = spawn('true');
  await once(child, 'close');
  expect(identify(child.pid as number)).toBeUndefined();
});

test('processes are found by a variable of their environment, and by that value only', async () => {
  const value = `test-${process.pid}-${Date.now()}`;
  const child = spawn('cat', { env: { PATH: process.env.PATH, ORCHESTRATION_TEST_MARK: value } });
  try {
    // Its environment is the new one as soon as the new program runs: cat echoes this line.
    child.stdin.write('ready\n');
    await once(child.stdout, 'data');
    expect(processesWithVariable('ORCHESTRATION_TEST_MARK', value).map(({ pid }) => pid)).toEqual([
      child.pid,
    ]);
    expect(processesWithVariable('ORCHESTRATION_TEST_MARK', `${value}0`)).toEqual([]);
    expect(childrenOf(process.pid)).toContain(child.pid);
    expect(describeProcess(child.pid as number)).toContain('cat');
  } finally {
    child.stdin.end();
    await once(child, 'close');
  }
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lockHolder, LockHeldError, takeLock } from '../../local-stack/machine/lock';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'lock-'))));
afterEach(() => rmSync(directory, { recursive: true }));

test('a second taker is refused and told who holds the lock', async () => {
  const path = join(directory, 'lock');
  const lock = await takeLock(path);
  const refusal = await takeLock(path).catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(LockHeldError);
  expect((refusal as LockHeldError).holder?.pid).toBe(process.pid);
  await lock.release();
});

test('a lock that was released can be taken again', async () => {
  const path = join(directory, 'lock');
  await (await takeLock(path)).release();
  await (await takeLock(path)).release();
});

test('a taker that is willing to wait gets the lock when the holder releases it', async () => {
  const path = join(directory, 'lock');
  const first = await takeLock(path);
  const waited: unknown[] = [];
  const second = takeLock(path, (holder) => waited.push(holder?.pid));
  const order: string[] = [];
  const done = second.then((lock) => {
    order.push('second has it');
    return lock.release();
  });
  while (waited.length === 0) await new Promise(setImmediate);
  order.push('first releases');
  await first.release();
  await done;
  expect(waited).toEqual([process.pid]);
  expect(order).toEqual(['first releases', 'second has it']);
});

test('the lock of a killed holder is free, whatever its note says', async () => {
  const path = join(directory, 'lock');
  const holder = spawn('flock', ['--no-fork', path, 'sh', '-c', 'echo held; exec cat'], { stdio: 'pipe' });
  await once(holder.stdout, 'data');
  await expect(takeLock(path)).rejects.toThrow(LockHeldError);
  holder.kill('SIGKILL');
  await once(holder, 'close');
  await (await takeLock(path)).release();
});

test('a lock file that names nobody alive has no holder', () => {
  expect(lockHolder(join(directory, 'missing'))).toBeUndefined();
});

import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { identify, stillRuns, type ProcessIdentity } from '../../infrastructure/processIdentity';

/** A held lock. */
export interface Lock {
  release(): Promise<void>;
}

/** Another process holds the lock. */
export class LockHeldError extends Error {
  constructor(
    readonly path: string,
    readonly holder: ProcessIdentity | undefined,
  ) {
    super(`${path} is held by ${holder ? `pid ${holder.pid}` : 'another process'}.`);
    this.name = 'LockHeldError';
  }
}

/**
 * Takes the lock on a file with flock(1). The kernel releases it when its holder ends, however that happens,
 * so locks never become stale. The file's content only describes the holder.
 * @param wait - called once before waiting for a lock that is held. Without it, the call does not wait.
 * @throws LockHeldError when the lock is held and `wait` was not given.
 */
export async function takeLock(
  path: string,
  wait?: (holder: ProcessIdentity | undefined) => void,
): Promise<Lock> {
  mkdirSync(dirname(path), { recursive: true });
  const held = await tryFlock(path, ['--nonblock']);
  if (held) return noteHolder(path, held);
  if (!wait) throw new LockHeldError(path, lockHolder(path));
  wait(lockHolder(path));
  const waited = await tryFlock(path, []);
  if (!waited) throw new Error(`flock could not lock ${path}.`);
  return noteHolder(path, waited);
}

/** The process that the file names, if it still runs. */
export function lockHolder(path: string): ProcessIdentity | undefined {
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
    return stillRuns(note) ? note : undefined;
  } catch {
    // There is no file, or the holder is just writing it: either way the holder is unknown.
    return undefined;
  }
}

function noteHolder(path: string, lock: Lock): Lock {
  writeFileSync(path, JSON.stringify(identify(process.pid)));
  return lock;
}

/**
 * flock executes `cat`, which keeps the file open until its stdin closes: at release, or with this process.
 */
function tryFlock(path: string, options: string[]): Promise<Lock | undefined> {
  const child = spawn('flock', [...options, '--no-fork', path, 'sh', '-c', 'echo held; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  return new Promise((resolve, reject) => {
    child.once('error', (error) => reject(new Error(`flock could not be run: ${error.message}`)));
    child.once('close', () => resolve(undefined));
    child.stdout.once('data', () => {
      child.unref();
      resolve({
        release: async () => {
          child.ref();
          child.stdin.end();
          await ended;
        },
      });
    });
  });
}

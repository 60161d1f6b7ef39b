import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { identify, stillRuns, type ProcessIdentity } from '../../infrastructure/processIdentity';

/** A lock that is held. */
export interface Lock {
  release(): Promise<void>;
}

/** Someone else holds the lock. */
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
 * Takes the lock on a file, kept by the kernel for flock(1): it goes with its holder, however that one ends,
 * so there is no such thing as a stale lock. The file's content is only a note on who holds it.
 * @param wait - called once when the lock is held by another, before waiting for it. Without it: no waiting.
 * @throws LockHeldError when held and `wait` was not given.
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

/** Who the note in the file names, if that process still runs. */
export function lockHolder(path: string): ProcessIdentity | undefined {
  try {
    const note = JSON.parse(readFileSync(path, 'utf8')) as ProcessIdentity;
    return stillRuns(note) ? note : undefined;
  } catch {
    // No file, or the holder is just writing its note: either way nobody can be named.
    return undefined;
  }
}

function noteHolder(path: string, lock: Lock): Lock {
  writeFileSync(path, JSON.stringify(identify(process.pid)));
  return lock;
}

/** flock becomes `cat`, which holds the open file until its standard input closes: at release or at our end. */
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

import { rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { removeLeftovers } from '../leftovers';
import { LockHeldError, takeLock } from '../machine/lock';
import { describeProcess } from '../../infrastructure/processIdentity';
import { Progress } from '../machine/progress';
import { readSettings, statePaths } from '../settings';

/** Deletes all state, after cleaning up after a crash. Refuses while a stack runs. Returns the exit code. */
export async function reset(settings = readSettings(), progress = new Progress()): Promise<number> {
  const { stateDirectory, cacheDirectory } = settings;
  if (!existsSync(stateDirectory)) {
    progress.say(`Nothing to remove: there is no ${stateDirectory}.`);
    return 0;
  }
  let lock;
  try {
    lock = await takeLock(statePaths(settings).lock);
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    const holder = error.holder ? describeProcess(error.holder.pid) : 'another process';
    progress.say(
      `A stack uses ${stateDirectory}: ${holder}. Stop it first: Ctrl-C in its terminal${killHint(error)}.`,
    );
    return 1;
  }
  try {
    await removeLeftovers(settings, (line) => progress.say(line));
    await rm(stateDirectory, { recursive: true });
  } finally {
    await lock.release();
  }
  progress.say(`Removed ${stateDirectory}. Built programs and images stay in ${cacheDirectory}.`);
  return 0;
}

function killHint(error: LockHeldError): string {
  return error.holder ? `, or kill -TERM ${error.holder.pid}` : '';
}

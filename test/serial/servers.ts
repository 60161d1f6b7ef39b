import { setTimeout as wait } from 'node:timers/promises';
import { readStackState } from '../../local-stack/endpoints';

/** Milliseconds within which a killed server must be ready again. */
const BACK_WITHIN = 90_000;

/**
 * Kills a server of the local stack, as a crash does, and waits until the stack has restarted it.
 * @throws Error when this machine does not run the server, or it does not become ready again
 */
export async function killServer(name: string): Promise<void> {
  const pid = readStackState()?.pids[name];
  if (pid === undefined)
    throw new Error(`${name} is not run by a local stack of this machine, so no test can restart it.`);
  process.kill(pid, 'SIGKILL');
  const deadline = Date.now() + BACK_WITHIN;
  for (;;) {
    const now = readStackState()?.pids[name];
    if (now !== undefined && now !== pid) return;
    if (Date.now() > deadline) throw new Error(`${name} did not come back within ${BACK_WITHIN / 1000} s.`);
    await wait(100);
  }
}

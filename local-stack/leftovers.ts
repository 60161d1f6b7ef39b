import { existsSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { removeStackState } from './endpoints';
import { removeCgroups } from './machine/cgroups';
import { describeProcess, processesWithVariable, stillRuns } from '../infrastructure/processIdentity';
import { ownershipVariable } from './machine/serverProcess';
import { restoreSysctls } from './machine/sysctls';
import { statePaths, type Settings } from './settings';

/** Milliseconds until killed processes must have exited. */
const patience = 10_000;

/**
 * Stops what an earlier stack left running when it was killed. Call it while holding the lock: then any
 * process that is marked with this state directory is an orphan. The kernel ends most of these with it.
 */
export async function removeLeftovers(settings: Settings, say: (line: string) => void): Promise<void> {
  const processes = processesWithVariable(ownershipVariable, settings.stateDirectory);
  const crashed = processes.length > 0 || existsSync(statePaths(settings).stackFile);
  if (crashed)
    say('  An earlier stack ended without stopping its servers: cleaning up after it; its data stays');
  for (const leftover of processes) {
    if (stillRuns(leftover)) process.kill(leftover.pid, 'SIGKILL');
  }
  const deadline = Date.now() + patience;
  for (const leftover of processes) {
    while (stillRuns(leftover)) {
      if (Date.now() > deadline)
        throw new Error(`${describeProcess(leftover.pid)} does not end. Reboot, or end it.`);
      await wait(20);
    }
  }
  await removeCgroups(settings.cgroup);
  await restoreSysctls(statePaths(settings).sysctls);
  await removeStackState(settings);
}

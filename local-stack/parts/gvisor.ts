import { gvisorPrograms, type GvisorPrograms } from '../artifacts/gvisorPrograms';
import { runCommand } from '../machine/command';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import type { Node } from './node';
import { optional } from './optional';

/** Timeout in milliseconds of a sandbox that runs one program, which takes 0.3 s on an idle machine. */
const trialWithin = 20_000;

/** gVisor, if it works on this machine; else undefined, and the reason is reported in one line. */
export function usableGvisor(
  settings: Settings,
  progress: Progress,
  node: Node,
): Promise<GvisorPrograms | undefined> {
  const without = 'No gVisor on this machine, so the cluster has no RuntimeClass gvisor';
  return optional(progress, without, async () => {
    const programs = await gvisorPrograms(settings, progress);
    await tryOut(programs, node);
    return programs;
  });
}

/** Runs in the node, so that the remains of a hanging sandbox end with the node. */
async function tryOut({ runsc }: GvisorPrograms, node: Node): Promise<void> {
  const inNode = ['--target', String(node.namespaces), '--mount', '--net', '--pid'];
  const flags = ['--root=/run/gvisor-trial', '--platform=systrap', '--network=none', '--ignore-cgroups'];
  await runCommand('nsenter', [...inNode, runsc, ...flags, 'do', 'true'], { timeout: trialWithin });
}

import { gvisorPrograms, type GvisorPrograms } from '../artifacts/gvisorPrograms';
import { runCommand } from '../machine/command';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import type { Node } from './node';

/** Milliseconds for a sandbox that runs one program and ends: a third of a second on an idle machine. */
const trialWithin = 20_000;

/** gVisor, when it can be had and runs on this machine; else undefined, said in one line with the reason. */
export async function usableGvisor(
  settings: Settings,
  progress: Progress,
  node: Node,
): Promise<GvisorPrograms | undefined> {
  try {
    const programs = await gvisorPrograms(settings, progress);
    await tryOut(programs, node);
    return programs;
  } catch (error) {
    const reason = (error as Error).message.replace(/\s*\n\s*/g, ' ');
    progress.say(`  No gVisor on this machine, so the cluster has no RuntimeClass gvisor: ${reason}`);
    return undefined;
  }
}

/** In the node, so that whatever is left of a sandbox that hangs ends with it. */
async function tryOut({ runsc }: GvisorPrograms, node: Node): Promise<void> {
  const inNode = ['--target', String(node.namespaces), '--mount', '--net', '--pid'];
  const flags = ['--root=/run/gvisor-trial', '--platform=systrap', '--network=none', '--ignore-cgroups'];
  await runCommand('nsenter', [...inNode, runsc, ...flags, 'do', 'true'], { timeout: trialWithin });
}

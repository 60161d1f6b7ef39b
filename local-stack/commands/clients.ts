import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { kubernetesPrograms } from '../artifacts/kubernetesPrograms';
import { temporalProgram } from '../artifacts/temporalProgram';
import { readStackState } from '../endpoints';
import { Progress } from '../machine/progress';
import { readNamedServers } from '../namedServers';
import { readSettings } from '../settings';

/** Runs kubectl on the cluster that the environment names, else on the local one. Returns its exit code. */
export async function runKubectl(args: string[]): Promise<number> {
  const settings = readSettings();
  const cluster = readNamedServers().kubernetes ?? readStackState(settings)?.endpoints.kubernetes;
  if (!cluster) throw new Error('No local stack runs. Start one with `npm start` or `npm run stack`.');
  const program = (await kubernetesPrograms(settings, new Progress()))('kubectl');
  const target = ['--kubeconfig', cluster.kubeconfig, '--context', cluster.context];
  return runInForeground(program.command, [...program.args, ...target, ...args]);
}

/** Runs the Temporal CLI on the server that the environment names, else on the running local one. */
export async function runTemporal(args: string[]): Promise<number> {
  const settings = readSettings();
  const address = readNamedServers().temporalAddress ?? readStackState(settings)?.endpoints.temporalAddress;
  if (!address) throw new Error('No local stack runs. Start one with `npm start` or `npm run stack`.');
  const program = await temporalProgram(settings, new Progress());
  return runInForeground(program, args, { TEMPORAL_ADDRESS: address });
}

/** The program shares this terminal, so it receives Ctrl-C directly; this process waits for its exit code. */
function runInForeground(
  command: string,
  args: string[],
  environment: Record<string, string> = {},
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
  });
}

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { STACK_FILE, stateDirectoryOf } from '../infrastructure/config/stateDirectory';
import { stillRuns, type ProcessIdentity } from '../infrastructure/processIdentity';

/** The part of a local stack's state file that is read here. local-stack/endpoints.ts writes the file. */
interface StackState {
  process: ProcessIdentity;
  endpoints: {
    temporalAddress: string;
    elasticsearch: string;
    kubernetes: { kubeconfig: string; operationsKubeconfig: string; context: string };
  };
}

/** An administrator of the cluster, or the account that may only manage keys and plans. */
type Account = 'administrator' | 'operations';

/**
 * The environment. If a local stack is running, its addresses are added for servers without a variable.
 * @param account whose kubeconfig of the local stack to use
 */
export function serverEnvironment(account: Account = 'administrator'): Record<string, string | undefined> {
  const note = readState(join(stateDirectoryOf(process.env), STACK_FILE));
  if (!note || !stillRuns(note.process)) return process.env;
  const { temporalAddress, elasticsearch, kubernetes } = note.endpoints;
  const kubeconfig = account === 'operations' ? kubernetes.operationsKubeconfig : kubernetes.kubeconfig;
  return {
    TEMPORAL_ADDRESS: temporalAddress,
    ELASTICSEARCH_HOST: elasticsearch,
    ...(!process.env.KUBECONFIG && { KUBECONFIG: kubeconfig, KUBE_CONTEXT: kubernetes.context }),
    ...Object.fromEntries(Object.entries(process.env).filter(([, value]) => value)),
  };
}

/** Undefined if no local stack has ever been started here. */
function readState(path: string): StackState | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as StackState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

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
    kubernetes: { kubeconfig: string; context: string };
  };
}

/** The environment. If a local stack is running, its addresses are added for servers without a variable. */
export function serverEnvironment(): Record<string, string | undefined> {
  const note = readState(join(stateDirectoryOf(process.env), STACK_FILE));
  if (!note || !stillRuns(note.process)) return process.env;
  const { temporalAddress, elasticsearch, kubernetes } = note.endpoints;
  return {
    TEMPORAL_ADDRESS: temporalAddress,
    ELASTICSEARCH_HOST: elasticsearch,
    ...(!process.env.KUBECONFIG && { KUBECONFIG: kubernetes.kubeconfig, KUBE_CONTEXT: kubernetes.context }),
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

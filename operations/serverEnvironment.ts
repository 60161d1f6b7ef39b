import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { STACK_FILE, stateDirectoryOf } from '../infrastructure/config/stateDirectory';
import { stillRuns, type ProcessIdentity } from '../infrastructure/processIdentity';

/** What is read of the note of a local stack, which local-stack/endpoints.ts writes. */
interface StackNote {
  process: ProcessIdentity;
  endpoints: {
    temporalAddress: string;
    elasticsearch: string;
    kubernetes: { kubeconfig: string; context: string };
  };
}

/** The environment with the addresses of servers that it does not name: those of the local stack, if one runs. */
export function serverEnvironment(): Record<string, string | undefined> {
  const note = readNote(join(stateDirectoryOf(process.env), STACK_FILE));
  if (!note || !stillRuns(note.process)) return process.env;
  const { temporalAddress, elasticsearch, kubernetes } = note.endpoints;
  return {
    TEMPORAL_ADDRESS: temporalAddress,
    ELASTICSEARCH_HOST: elasticsearch,
    ...(!process.env.KUBECONFIG && { KUBECONFIG: kubernetes.kubeconfig, KUBE_CONTEXT: kubernetes.context }),
    ...Object.fromEntries(Object.entries(process.env).filter(([, value]) => value)),
  };
}

/** Undefined when no local stack has run here. */
function readNote(path: string): StackNote | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as StackNote;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

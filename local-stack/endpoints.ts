import { readFileSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import type { ImageReferences } from './images/projectImages';
import { identify, stillRuns, type ProcessIdentity } from '../infrastructure/processIdentity';
import { readSettings, statePaths, type Settings } from './settings';

/** Addresses of the servers that a stack started, or that the environment names. */
export interface Endpoints {
  /** HOST:PORT. */
  temporalAddress: string;
  /** Undefined for a Temporal server that the environment names. */
  temporalUi: string | undefined;
  /** URL. */
  elasticsearch: string;
  kubernetes: {
    /** Path of the administrator's kubeconfig. */
    kubeconfig: string;
    /**
     * Path of the kubeconfig with the worker's rights; the same file for a cluster named by the environment.
     */
    workerKubeconfig: string;
    /** Path of the kubeconfig with the gateway's rights. */
    gatewayKubeconfig: string;
    /** Path of the kubeconfig that may manage keys and plans. */
    operationsKubeconfig: string;
    context: string;
  };
  /** Package index for the pods, with its password; undefined without one, or for a named cluster. */
  packageIndex?: { url: string; cidr: string } | undefined;
  /** Undefined for a cluster that the environment names: it pulls its images from its own registry. */
  images: ImageReferences | undefined;
}

/** The file that describes a running stack, for other processes that use it. */
export interface StackState {
  process: ProcessIdentity;
  startedAt: string;
  endpoints: Endpoints;
  /** Pids of the servers by the name of their part; updated when a server is restarted. */
  pids: Record<string, number>;
}

/** Writes the file atomically. */
export async function writeStackState(
  settings: Settings,
  endpoints: Endpoints,
  pids: Record<string, number>,
): Promise<void> {
  const path = statePaths(settings).stackFile;
  const self = identify(process.pid);
  if (!self) throw new Error('/proc does not show this process.');
  const note: StackState = { process: self, startedAt: new Date().toISOString(), endpoints, pids };
  await writeFile(`${path}.unfinished`, JSON.stringify(note, null, 2), { mode: 0o600 });
  await rename(`${path}.unfinished`, path);
}

export async function removeStackState(settings: Settings): Promise<void> {
  await rm(statePaths(settings).stackFile, { force: true });
}

/** The file of the stack that runs with this state directory; undefined when none runs. */
export function readStackState(settings: Settings = readSettings()): StackState | undefined {
  let note: StackState;
  try {
    note = JSON.parse(readFileSync(statePaths(settings).stackFile, 'utf8')) as StackState;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return stillRuns(note.process) ? note : undefined;
}

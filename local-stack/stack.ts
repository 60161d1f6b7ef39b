import { mkdir } from 'node:fs/promises';
import { elasticsearchHome } from './artifacts/elasticsearchHome';
import { temporalProgram } from './artifacts/temporalProgram';
import { startCluster } from './cluster/startCluster';
import { readStackState, removeStackState, writeStackState, type Endpoints } from './endpoints';
import { removeLeftovers } from './leftovers';
import { startLogForwarder } from './logForwarder/start';
import { killRunningCommands } from './machine/command';
import { LockHeldError, takeLock, type Lock } from './machine/lock';
import { portHolder } from './machine/portHolder';
import { checkMachine, ensurePrograms, findJavaHome, javaPrerequisite } from './machine/prerequisites';
import { describeProcess } from '../infrastructure/processIdentity';
import { Progress } from './machine/progress';
import { checkNamedServers, readNamedServers, type NamedServers } from './namedServers';
import { elasticsearch } from './parts/elasticsearch';
import { temporal } from './parts/temporal';
import { migrateDatabase } from './temporal/migrateDatabase';
import { portVariables, readSettings, statePaths, type PortName, type Settings } from './settings';
import { Servers } from './servers';

export interface StackOptions {
  settings?: Settings;
  progress?: Progress;
  /** Aborting it during the start stops everything that was started. */
  signal?: AbortSignal;
}

/** A stack that this process started. */
export interface Stack {
  endpoints: Endpoints;
  /** Rejects when a server dies and is not restarted again. Stays pending otherwise. */
  failed: Promise<never>;
  /** Stops everything that was started and releases the lock. Calling it again stops the rest at once. */
  stop(): Promise<void>;
}

/** The addresses of the running stack's servers; undefined when none runs with these settings. */
export function findRunningStack(settings?: Settings): Endpoints | undefined {
  return readStackState(settings)?.endpoints;
}

/**
 * Starts every server that the environment does not name, and waits until all are ready.
 * @throws Error with what is missing or conflicts. Then nothing is left running.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const { settings = readSettings(), progress = new Progress() } = options;
  const named = readNamedServers();
  await checkNamedServers(named);
  if (!named.kubernetes) checkMachine();
  checkStateDirectory(settings);
  await mkdir(settings.stateDirectory, { recursive: true, mode: 0o700 });
  await mkdir(settings.cacheDirectory, { recursive: true });
  const lock = await lockState(settings);
  let endpoints: Endpoints | undefined;
  const say = (line: string) => progress.say(line);
  const parts = new Servers(say, () => {
    if (endpoints === undefined) return;
    writeStackState(settings, endpoints, parts.pids()).catch((error: unknown) =>
      say(`The note of the stack has old pids: ${String(error)}`),
    );
  });
  // Also kills the commands of a start in progress: compilers, image builds.
  const stopParts = () => {
    killRunningCommands();
    return parts.stop();
  };
  const abort = () => void stopParts().catch(() => undefined);
  options.signal?.addEventListener('abort', abort);
  try {
    await removeLeftovers(settings, say);
    checkPorts(settings, named);
    endpoints = await startServers(settings, progress, named, parts, abort);
    options.signal?.throwIfAborted();
    await writeStackState(settings, endpoints, parts.pids());
    return { endpoints, failed: parts.failed, stop: () => stopStack(settings, parts, lock) };
  } catch (error) {
    await stopParts();
    await lock.release();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

async function stopStack(settings: Settings, parts: Servers, lock: Lock): Promise<void> {
  try {
    await parts.stop();
  } finally {
    await removeStackState(settings);
    await lock.release();
  }
}

async function startServers(
  settings: Settings,
  progress: Progress,
  named: NamedServers,
  parts: Servers,
  abort: () => void,
): Promise<Endpoints> {
  const { ports } = settings;
  const startTemporal = async () => {
    const program = await temporalProgram(settings, progress);
    await migrateDatabase(settings, program, progress);
    await progress.step('starting Temporal', () => parts.start(temporal(settings, program), 'independent'));
  };
  const startElasticsearch = async () => {
    await ensurePrograms([javaPrerequisite], progress);
    const [home, javaHome] = await Promise.all([elasticsearchHome(settings, progress), findJavaHome()]);
    const part = elasticsearch(settings, home, javaHome);
    await progress.step('starting Elasticsearch', () => parts.start(part, 'independent'));
  };
  const cluster = named.kubernetes ? undefined : startCluster(settings, progress, parts);
  await allOrFirstFailure(
    [
      cluster,
      named.temporalAddress ? undefined : startTemporal(),
      named.elasticsearch ? undefined : startElasticsearch(),
    ],
    abort,
  );
  const started = await cluster;
  const elasticsearchUrl = named.elasticsearch ?? `http://127.0.0.1:${ports.elasticsearch}`;
  if (started) await startLogForwarder(settings, progress, parts, elasticsearchUrl);
  return {
    temporalAddress: named.temporalAddress ?? `127.0.0.1:${ports.temporal}`,
    temporalUi: named.temporalAddress ? undefined : `http://127.0.0.1:${ports.temporalUi}`,
    elasticsearch: elasticsearchUrl,
    kubernetes: started?.kubernetes ?? namedCluster(named),
    images: started?.images,
    packageIndex: started?.packageIndex,
  };
}

/** A cluster that the environment names is used with the rights of its kubeconfig. */
function namedCluster({ kubernetes }: NamedServers): Endpoints['kubernetes'] {
  if (!kubernetes) throw new Error('No Kubernetes cluster was started or configured.');
  const { kubeconfig } = kubernetes;
  return {
    ...kubernetes,
    workerKubeconfig: kubeconfig,
    gatewayKubeconfig: kubeconfig,
    operationsKubeconfig: kubeconfig,
  };
}

/**
 * Waits for all tasks. At the first failure, stops the others, waits until they have ended, and throws it.
 */
async function allOrFirstFailure(
  tasks: readonly (Promise<unknown> | undefined)[],
  endOthers: () => void,
): Promise<void> {
  const failures: unknown[] = [];
  const noted = tasks.map(async (task) => {
    try {
      await task;
    } catch (error) {
      failures.push(error);
      if (failures.length === 1) endOthers();
    }
  });
  await Promise.all(noted);
  if (failures.length > 0) throw failures[0];
}

async function lockState(settings: Settings): Promise<Lock> {
  try {
    return await takeLock(statePaths(settings).lock);
  } catch (error) {
    if (!(error instanceof LockHeldError)) throw error;
    const holder = error.holder ? describeProcess(error.holder.pid) : 'another process';
    throw new Error(
      `A stack with state in ${settings.stateDirectory} is starting, running or stopping already: ${holder}. ` +
        'Use that one, or stop it with Ctrl-C in its terminal.',
      { cause: error },
    );
  }
}

/** In the node, these folders are hidden by the node's own mounts. */
function checkStateDirectory({ stateDirectory }: Settings): void {
  const hidden = ['/run', '/var/lib', '/var/log', '/mnt', '/proc', '/sys', '/dev'];
  const at = hidden.find(
    (directory) => stateDirectory === directory || stateDirectory.startsWith(`${directory}/`),
  );
  if (at)
    throw new Error(
      `The state directory ${stateDirectory} must not be in ${at}. Set ORCHESTRATION_STATE_DIR.`,
    );
}

/** @throws Error that lists every taken port, its process, and the variable that changes the stack's port. */
function checkPorts(settings: Settings, named: NamedServers): void {
  const unused: PortName[] = [
    ...(named.temporalAddress ? (['temporal', 'temporalUi'] as const) : []),
    ...(named.elasticsearch ? (['elasticsearch'] as const) : []),
    ...(named.kubernetes
      ? (['apiserver', 'etcd', 'etcdPeer', 'controllerManager', 'scheduler', 'dns', 'packageIndex'] as const)
      : []),
  ];
  const needed = (Object.keys(settings.ports) as PortName[]).filter((name) => !unused.includes(name));
  const taken = needed.flatMap((name) => {
    const holder = portHolder(settings.ports[name]);
    return holder
      ? [`${holder.port} (${name}) by ${holder.description}; ${portVariables[name].variable} moves it`]
      : [];
  });
  if (taken.length > 0) throw new Error(`Taken ports:\n  ${taken.join('\n  ')}`);
}

import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@elastic/elasticsearch';
import { Client as Temporal, Connection, WorkflowNotFoundError } from '@temporalio/client';
import { readConfig } from '../../infrastructure/config/config';
import { auditIndexOf, rejectedIndexOf } from '../../infrastructure/elasticsearch/actionsTemplate';
import { converterOf } from '../../infrastructure/temporal/connection';
import { outputIndexOf } from '../../infrastructure/elasticsearch/outputTemplate';
import { startProcess, type RunningProcess } from './process';
import { stack } from './stack';

/** A separate worker and gateway, on the servers of the local stack. */
export interface Platform {
  /** For example `ws://127.0.0.1:41234/ws/code`. */
  url: string;
  apiKey: string;
  index: string;
  taskQueue: string;
  /** @param settings that differ from those of the platform */
  startWorker(settings?: Record<string, string>): Promise<RunningProcess>;
  worker: RunningProcess;
  gatewayPid: number;
  /** Starts another gateway, which shares no state with the first. @returns its URL, in the form of `url` */
  startGateway(settings?: Record<string, string>): Promise<string>;
  stop(): Promise<void>;
}

/** A platform that test files share if they change no setting and kill no process; each has its own users. */
export type SharedPlatform = Pick<Platform, 'url' | 'apiKey' | 'index' | 'taskQueue'>;

/** Environment variable that contains the shared platform, as JSON. */
export const SHARED_PLATFORM_VARIABLE = 'ORCHESTRATION_TEST_PLATFORM';

/** @throws Error with how to run integration tests, when the variable is not set */
export function sharedPlatform(): SharedPlatform {
  const json = process.env[SHARED_PLATFORM_VARIABLE];
  if (!json)
    throw new Error('There is no shared platform: run integration tests by `npm run test:integration`.');
  return JSON.parse(json) as SharedPlatform;
}

/**
 * Starts a platform that shares only the users' namespaces with others on the same servers: its task queue
 * and its index of actions have unique names.
 * @param nodeOptions of its processes that NODE_OPTIONS does not allow
 */
export async function startPlatform(
  settings: Record<string, string> = {},
  nodeOptions: string[] = [],
): Promise<Platform> {
  const servers = stack();
  const id = randomUUID().slice(0, 8);
  const apiKey = randomUUID();
  const index = `test-actions-${id}`;
  const auditDirectory = await mkdtemp(join(tmpdir(), 'audit-'));
  const shared = {
    TEMPORAL_ADDRESS: servers.temporalAddress,
    TEMPORAL_TASK_QUEUE: `test-${id}`,
    ...settings,
  };
  const processes: RunningProcess[] = [];
  const started = async (starting: Promise<RunningProcess>) => {
    const running = await starting;
    processes.push(running);
    return running;
  };
  const startWorker = (more: Record<string, string> = {}) =>
    started(
      startProcess(
        'worker/main.ts',
        'worker ready',
        {
          ELASTICSEARCH_HOST: servers.elasticsearchHost,
          ELASTICSEARCH_INDEX: index,
          KUBECONFIG: servers.workerKubeconfig,
          KUBE_CONTEXT: servers.kubeContext,
          TEST_IMAGE: servers.images.test,
          PROGRAM_IMAGE: servers.images.program,
          DATABASE_IMAGE: servers.images.database,
          DATABASE_IMAGE_15: servers.images.database15,
          ...(servers.clusterDns && { CLUSTER_DNS: servers.clusterDns }),
          ...(servers.packageIndex && {
            PACKAGE_INDEX_URL: servers.packageIndex.url,
            PACKAGE_INDEX_CIDR: servers.packageIndex.cidr,
          }),
          ...shared,
          ...more,
        },
        nodeOptions,
      ),
    );
  const gatewayProcess = (more: Record<string, string> = {}) =>
    started(
      startProcess(
        'gateway/main.ts',
        'gateway ready',
        {
          HOST: '127.0.0.1',
          PORT: '0',
          API_KEY: apiKey,
          ELASTICSEARCH_HOST: servers.elasticsearchHost,
          ELASTICSEARCH_INDEX: index,
          AUDIT_DIRECTORY: auditDirectory,
          KUBECONFIG: servers.gatewayKubeconfig,
          KUBE_CONTEXT: servers.kubeContext,
          ...shared,
          ...more,
        },
        nodeOptions,
      ),
    );
  const urlOf = (gateway: RunningProcess) => `${String(gateway.ready.url).replace(/^http/, 'ws')}/ws/code`;
  const startGateway = async (more?: Record<string, string>) => urlOf(await gatewayProcess(more));
  const stop = async () => {
    await Promise.all(processes.map((process) => process.stop()));
    await Promise.all([
      removeIndex(servers.elasticsearchHost, index),
      endWorkflows(servers.temporalAddress, shared),
      rm(auditDirectory, { recursive: true }),
    ]);
  };
  try {
    const [worker, gateway] = await Promise.all([startWorker(), gatewayProcess()]);
    return {
      url: urlOf(gateway),
      gatewayPid: gateway.pid,
      apiKey,
      index,
      taskQueue: shared.TEMPORAL_TASK_QUEUE,
      worker,
      startWorker,
      startGateway,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/**
 * Terminates the workflows that are still open, such as deploy queues: without a worker they would never end.
 */
export async function endWorkflows(address: string, settings: Record<string, string>): Promise<void> {
  const { PAYLOAD_KEYS, TEMPORAL_TASK_QUEUE: taskQueue } = readConfig(
    ['PAYLOAD_KEYS', 'TEMPORAL_TASK_QUEUE'],
    settings,
  );
  const connection = await Connection.connect({ address });
  try {
    const { workflow } = new Temporal({ connection, dataConverter: converterOf(PAYLOAD_KEYS) });
    const running = workflow.list({ query: `TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'` });
    for await (const { workflowId } of running)
      await workflow
        .getHandle(workflowId)
        .terminate('the test is over')
        .catch((error: unknown) => {
          if (!(error instanceof WorkflowNotFoundError)) throw error; // It has ended meanwhile.
        });
  } finally {
    await connection.close();
  }
}

async function removeIndex(node: string, index: string): Promise<void> {
  const client = new Client({ node });
  try {
    const audit = auditIndexOf(index);
    const output = outputIndexOf(index);
    for (const name of [index, audit, output].flatMap((each) => [each, rejectedIndexOf(each)])) {
      await client.indices.delete({ index: name, ignore_unavailable: true });
      await client.indices.deleteIndexTemplate({ name }, { ignore: [404] });
    }
  } finally {
    await client.close();
  }
}

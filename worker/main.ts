import { Client } from '@temporalio/client';
import { NativeConnection, Runtime } from '@temporalio/worker';
import { readConfig, type Config } from '../infrastructure/config';
import { createActionLog } from '../infrastructure/elasticsearch/actionLog';
import { connectKubernetes, type Kube } from '../infrastructure/kubernetes/client';
import { createEnvironments } from '../infrastructure/kubernetes/environments';
import { sweepIdle } from '../infrastructure/kubernetes/idle';
import { createProduction } from '../infrastructure/kubernetes/production';
import type { ProgramResources } from '../infrastructure/kubernetes/production/resources';
import { createTestDatabases } from '../infrastructure/kubernetes/production/testDatabase';
import { createTestRunner } from '../infrastructure/kubernetes/testRunner';
import { loadLanguages } from '../infrastructure/languages/languages';
import { createLogger, type Logger } from '../infrastructure/logging';
import { ensureSearchAttributes } from '../infrastructure/temporal/searchAttributes';
import { usedSince } from '../infrastructure/temporal/usage';
import { createWorkflowRecords } from '../infrastructure/temporal/workflowRecords';
import { sweepRegularly } from './idle';
import { temporalLogger } from './temporalLogger';
import { createWorker } from './worker';

const VARIABLES = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_TASK_QUEUE',
  'ELASTICSEARCH_HOST',
  'ELASTICSEARCH_INDEX',
  'KUBECONFIG',
  'KUBE_CONTEXT',
  'KUBERNETES_SERVICE_HOST',
  'TEST_IMAGE',
  'TEST_RUNTIME_CLASS',
  'TEST_NODE_SELECTOR',
  'TEST_TOLERATIONS',
  'USER_PLANS',
  'MAX_USERS',
  'PROGRAM_IMAGE',
  'DATABASE_IMAGE',
  'PACKAGE_INDEX_URL',
  'PACKAGE_INDEX_CIDR',
  'RUN_WALL_SECONDS',
  'RUN_MEMORY_MB',
  'RUN_KEEP_OUTPUT_BYTES',
  'RUN_MAX_OUTPUT_BYTES',
  'PROGRAM_CPUS',
  'PROGRAM_CPU_REQUEST',
  'PROGRAM_MEMORY_MB',
  'PROGRAM_MEMORY_REQUEST_MB',
  'ROLLOUT_SECONDS',
  'TEST_POD_IDLE_MINUTES',
  'PROGRAM_IDLE_MINUTES',
  'LOG_LEVEL',
] as const;

/** Search attributes that submissions carry; workflows/contract.ts says what each means. */
const SEARCH_ATTRIBUTES = ['UserId', 'SubmissionStatus', 'CodeDigest'];

const MEGABYTE = 1024 * 1024;
const MINUTE_MS = 60_000;

/**
 * In a test pod, beside the memory of one process of a run: its other processes, its files, the supervisor (512),
 * and installed requirements (384).
 */
const BESIDE_THE_RUN_MIB = 896;

async function main(): Promise<void> {
  const config = readConfig(VARIABLES);
  const logger = createLogger('worker', config.LOG_LEVEL);
  Runtime.install({ logger: temporalLogger(logger), shutdownSignals: ['SIGINT', 'SIGTERM'] });

  const connection = await NativeConnection.connect({ address: config.TEMPORAL_ADDRESS });
  const client = new Client({ connection, namespace: config.TEMPORAL_NAMESPACE });
  const workflowRecords = createWorkflowRecords(client);
  const actionLog = createActionLog({ node: config.ELASTICSEARCH_HOST, index: config.ELASTICSEARCH_INDEX });
  const kube = clusterOf(config);
  const parts = kubernetesParts(kube, config);
  let sweeps: { stop: () => Promise<void> } | undefined;
  try {
    await ensureSearchAttributes(connection.operatorService, config.TEMPORAL_NAMESPACE, SEARCH_ATTRIBUTES);
    const worker = await createWorker(
      connection,
      { namespace: config.TEMPORAL_NAMESPACE, taskQueue: config.TEMPORAL_TASK_QUEUE },
      { ...parts, actionLog, workflowRecords, settings: settingsOf(config) },
    );
    const running = worker.run();
    sweeps = idleSweeps(kube, client, config, logger);
    logger.info({ taskQueue: config.TEMPORAL_TASK_QUEUE }, 'worker ready');
    await running;
  } finally {
    await sweeps?.stop();
    parts.testRunner.close();
    await actionLog.close();
    await connection.close();
  }
}

type WorkerConfig = Config<(typeof VARIABLES)[number]>;

function clusterOf(config: WorkerConfig): Kube {
  return connectKubernetes({
    kubeconfig: config.KUBECONFIG,
    context: config.KUBE_CONTEXT,
    inCluster: config.KUBERNETES_SERVICE_HOST !== undefined,
  });
}

/** Undefined when nothing is to go. */
function idleSweeps(kube: Kube, client: Client, config: WorkerConfig, logger: Logger) {
  const { TEST_POD_IDLE_MINUTES: testPods, PROGRAM_IDLE_MINUTES: programs } = config;
  if (testPods === 0 && programs === 0) return undefined;
  const settings = {
    testPodMs: testPods === 0 ? null : testPods * MINUTE_MS,
    completedProgramMs: programs === 0 ? null : programs * MINUTE_MS,
    usedSince: (userId: string, since: Date) => usedSince(client, userId, since),
  };
  return sweepRegularly(() => sweepIdle(kube, settings), logger);
}

function kubernetesParts(kube: Kube, config: WorkerConfig) {
  const resources = programResources(config);
  const packageIndex =
    config.PACKAGE_INDEX_URL && config.PACKAGE_INDEX_CIDR
      ? { url: config.PACKAGE_INDEX_URL, cidr: config.PACKAGE_INDEX_CIDR }
      : undefined;
  return {
    testRunner: createTestRunner(kube, {
      languages: loadLanguages(),
      packageIndexUrl: config.PACKAGE_INDEX_URL,
    }),
    environments: createEnvironments(kube, {
      testImage: config.TEST_IMAGE,
      runtimeClass: config.TEST_RUNTIME_CLASS,
      nodeSelector: config.TEST_NODE_SELECTOR,
      tolerations: config.TEST_TOLERATIONS,
      plans: config.USER_PLANS,
      maxUsers: config.MAX_USERS,
      testMemoryMiB: config.RUN_MEMORY_MB + BESIDE_THE_RUN_MIB,
      packageIndex,
      programResources: resources,
    }),
    testDatabases: createTestDatabases(kube),
    production: createProduction(kube, {
      programImage: config.PROGRAM_IMAGE,
      databaseImage: config.DATABASE_IMAGE,
      packageIndexUrl: config.PACKAGE_INDEX_URL,
      resources,
    }),
  };
}

/** @throws Error for a request beyond its limit, which the cluster would refuse at every deploy */
function programResources(config: WorkerConfig): ProgramResources {
  const {
    PROGRAM_CPUS: cpus,
    PROGRAM_CPU_REQUEST: cpuRequest,
    PROGRAM_MEMORY_MB: memoryMiB,
    PROGRAM_MEMORY_REQUEST_MB: memoryRequestMiB,
  } = config;
  if (cpuRequest > cpus)
    throw new Error(`PROGRAM_CPU_REQUEST is ${cpuRequest}, more than PROGRAM_CPUS, which is ${cpus}.`);
  if (memoryRequestMiB > memoryMiB)
    throw new Error(
      `PROGRAM_MEMORY_REQUEST_MB is ${memoryRequestMiB}, more than PROGRAM_MEMORY_MB, which is ${memoryMiB}.`,
    );
  return { cpus, cpuRequest, memoryMiB, memoryRequestMiB };
}

function settingsOf(config: WorkerConfig) {
  return {
    limits: {
      wallMs: config.RUN_WALL_SECONDS * 1000,
      memoryBytes: config.RUN_MEMORY_MB * MEGABYTE,
      keepOutputBytes: config.RUN_KEEP_OUTPUT_BYTES,
      maxOutputBytes: config.RUN_MAX_OUTPUT_BYTES,
    },
    rolloutDeadlineMs: config.ROLLOUT_SECONDS * 1000,
  };
}

void main().catch((error: unknown) => {
  createLogger('worker', 'info').fatal({ err: error }, 'worker stopped');
  process.exitCode = 1;
});

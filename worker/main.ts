/** Starts a worker: reads its settings, connects it to the servers, and lets it work until it is stopped. */
import { Client } from '@temporalio/client';
import { NativeConnection, type RuntimeOptions } from '@temporalio/worker';
import { readConfig, type Config } from '../infrastructure/config/config';
import { createActionLog } from '../infrastructure/elasticsearch/actionLog';
import { accessTo } from '../infrastructure/elasticsearch/access';
import { createRecordedRuns } from '../infrastructure/elasticsearch/recordedRuns';
import { outputIndexOf, outputTemplate } from '../infrastructure/elasticsearch/outputTemplate';
import { connectKubernetes, type Kube } from '../infrastructure/kubernetes/api/client';
import { bindUserNamespaces } from '../infrastructure/kubernetes/environment/bindings';
import {
  checkHosts,
  resolveEgressProxy,
  runVariables,
  type EgressProxy,
} from '../infrastructure/kubernetes/egress/proxy';
import { createEnvironments } from '../infrastructure/kubernetes/environment/environments';
import { runtimeFinder } from '../infrastructure/kubernetes/environment/runtime';
import { sweepEvicted } from '../infrastructure/kubernetes/evictions';
import { sweepIdle } from '../infrastructure/kubernetes/idle';
import { createProduction } from '../infrastructure/kubernetes/production/production';
import type { ProgramResources } from '../infrastructure/kubernetes/production/program/resources';
import { createTestDatabases } from '../infrastructure/kubernetes/production/database/testDatabase';
import { createTestRunner } from '../infrastructure/kubernetes/testPod/testRunner';
import { loadLanguages } from '../sandbox/languages/languages';
import { resolvePackageIndex, type PackageIndex } from '../infrastructure/kubernetes/packageIndex';
import { createLogger, type Logger } from '../infrastructure/logging';
import { startTracing } from '../infrastructure/telemetry/tracing';
import { accessOf, converterOf } from '../infrastructure/temporal/connection';
import { runningSubmissions } from '../infrastructure/temporal/backlog';
import { historyOf } from '../infrastructure/temporal/closedWorkflows';
import { ensureRetention, retentionMs } from '../infrastructure/temporal/retention';
import { ensureSearchAttributes } from '../infrastructure/temporal/searchAttributes';
import { usedSince } from '../infrastructure/temporal/usage';
import { createWorkflowRecords } from '../infrastructure/temporal/workflowRecords';
import { SEARCH_ATTRIBUTES } from '../workflows/contract';
import type { Background } from './background';
import { bindOnce } from './bindings';
import { readyToWork, serveHealth, type HealthServer } from './health';
import { sweepRegularly } from './idle';
import { LogSweep } from './logSweep';
import { addGauges, createWorkerMetrics } from './metrics/metrics';
import { countVerdict } from './metrics/verdicts';
import { installRuntime } from './metrics/sdkMetrics';
import { instrumented } from './instrumentation';
import { Recorder } from './recorder';
import { temporalLogger } from './temporalLogger';
import { WORKER_VARIABLES } from './variables';
import { versionedBundle } from './version';
import { createWorker } from './worker';

const MEGABYTE = 1024 * 1024;
const MINUTE_MS = 60_000;

/**
 * Memory of a test pod in addition to one process of a run: 512 for the run's other processes, its files and
 * the supervisor, and 384 for installed requirements.
 */
const BESIDE_THE_RUN_MIB = 896;

async function main(): Promise<void> {
  const config = readConfig(WORKER_VARIABLES);
  const logger = createLogger('worker', config.LOG_LEVEL);
  const { TEMPORAL_NAMESPACE: namespace, TEMPORAL_TASK_QUEUE: taskQueue } = config;
  const sdkLogger = temporalLogger(logger);
  const options: RuntimeOptions = { logger: sdkLogger, shutdownSignals: ['SIGINT', 'SIGTERM'] };
  const readSdkMetrics = installRuntime(options, { metrics: config.WORKER_PORT !== undefined });
  const tracing = await startTracing('worker', logger);
  const { workflowBundle, buildId, version } = await versionedBundle(config, tracing !== null, sdkLogger);
  const metrics = createWorkerMetrics(buildId, version);

  const connection = await NativeConnection.connect(accessOf(config));
  const dataConverter = converterOf(config.PAYLOAD_KEYS);
  const client = new Client({ connection, namespace, dataConverter });
  const workflowRecords = createWorkflowRecords(client);
  const actionLog = createActionLog({
    ...accessTo(config),
    index: config.ELASTICSEARCH_INDEX,
    retentionDays: config.ACTIONS_RETENTION_DAYS,
    counters: metrics.log,
    say: (layout) => logger.info({ layout }, 'storing actions'),
  });
  const outputLog = createActionLog({
    ...accessTo(config),
    index: outputIndexOf(config.ELASTICSEARCH_INDEX),
    retentionDays: config.ACTIONS_RETENTION_DAYS,
    template: outputTemplate,
    counters: metrics.log,
  });
  const kube = clusterOf(config);
  const parts = kubernetesParts(kube, config, await packageIndexOf(config), await egressProxyOf(config));
  const runs = createRecordedRuns({ ...accessTo(config), index: config.ELASTICSEARCH_INDEX });
  const untraced = tracing?.untraced ?? ((work) => work());
  const recorder = untraced(
    () =>
      new Recorder({
        ...{ actionLog, outputLog, logger },
        readHistory: (execution) => historyOf(client, execution),
        onTrail: (trail) => countVerdict(metrics, trail),
      }),
  );
  const sweep = new LogSweep({ client, taskQueue, runs, recorder, logger });
  addGauges(metrics, {
    running: runningSubmissions(client, taskQueue),
    streams: () => parts.testRunner.openStreams(),
    unrecorded: () => recorder.waiting,
    logBehindSeconds: () => sweep.behindSeconds,
    retentionSeconds: () => retentionSeconds,
  });
  let retentionSeconds = NaN;
  let bindings: Background | undefined;
  let sweeps: Background | undefined;
  let completing: Background | undefined;
  let health: HealthServer | undefined;
  try {
    await ensureSearchAttributes(connection.operatorService, namespace, Object.values(SEARCH_ATTRIBUTES));
    await keepHistory(connection, config, logger);
    retentionSeconds = (await retentionMs(connection.workflowService, namespace)) / 1000;
    const worker = await createWorker(
      connection,
      {
        ...{ namespace, taskQueue, dataConverter, workflowBundle, version, tracing, metrics },
        onEnded: (execution) => recorder.ended(execution),
      },
      {
        ...{ ...parts, ...instrumented(parts, metrics), actionLog, outputLog, workflowRecords },
        settings: settingsOf(config),
      },
    );
    const running = worker.run();
    bindings = bindOnce(() => bindUserNamespaces(kube), logger);
    completing = untraced(() => sweep.start());
    sweeps = sweepPods(kube, client, config, logger);
    if (config.WORKER_PORT !== undefined)
      health = await serveHealth(config.HOST, config.WORKER_PORT, {
        ready: () => readyToWork(worker, connection, namespace),
        metrics: async () => `${await metrics.register.metrics()}\n${await readSdkMetrics()}`,
        logger,
      });
    logger.info({ taskQueue, buildId, ...version, healthPort: health?.port }, 'worker ready');
    await running;
  } finally {
    await health?.close();
    await sweeps?.stop();
    await bindings?.stop();
    parts.testRunner.close();
    await completing?.stop();
    await recorder.stop();
    await runs.close();
    await actionLog.close();
    await outputLog.close();
    await connection.close();
    await tracing?.stop();
  }
}

type WorkerConfig = Config<(typeof WORKER_VARIABLES)[number]>;

function clusterOf(config: WorkerConfig): Kube {
  return connectKubernetes({
    kubeconfig: config.KUBECONFIG,
    context: config.KUBE_CONTEXT,
    inCluster: config.KUBERNETES_SERVICE_HOST !== undefined,
  });
}

/** Sets the configured retention of histories, if Temporal permits it. Otherwise only logs a warning. */
async function keepHistory(
  { workflowService }: NativeConnection,
  { HISTORY_RETENTION_DAYS: days, TEMPORAL_NAMESPACE: namespace }: WorkerConfig,
  logger: Logger,
): Promise<void> {
  if (days === undefined) return;
  try {
    const before = await ensureRetention(workflowService, namespace, days);
    if (before !== null) logger.info({ namespace, days, before }, 'retention of the namespace was extended');
  } catch (error) {
    logger.warn({ err: error, namespace, days }, 'failed to set the retention of the namespace');
  }
}

/** Starts the sweeps of evicted pods and, if one of them is turned on, those of idle pods. */
function sweepPods(kube: Kube, client: Client, config: WorkerConfig, logger: Logger) {
  const { TEST_POD_IDLE_MINUTES: testPods, PROGRAM_IDLE_MINUTES: programs } = config;
  const settings = {
    testPodMs: testPods === 0 ? null : testPods * MINUTE_MS,
    completedProgramMs: programs === 0 ? null : programs * MINUTE_MS,
    usedSince: (userId: string, since: Date) => usedSince(client, userId, since),
  };
  const isIdleOn = testPods !== 0 || programs !== 0;
  const sweep = async () => [
    ...(await sweepEvicted(kube)),
    ...(isIdleOn ? await sweepIdle(kube, settings) : []),
  ];
  return sweepRegularly(sweep, logger);
}

async function packageIndexOf({
  PACKAGE_INDEX_URL: url,
  PACKAGE_INDEX_CIDR: cidr,
}: WorkerConfig): Promise<PackageIndex | undefined> {
  return url && cidr ? resolvePackageIndex(url, cidr) : undefined;
}

async function egressProxyOf({
  EGRESS_PROXY_URL: url,
  EGRESS_PROXY_KEY: key,
  EGRESS_PROXY_CIDR: cidr,
  USER_PLANS: plans,
}: WorkerConfig): Promise<EgressProxy | undefined> {
  const proxy = url && key ? await resolveEgressProxy({ url, key, cidr }) : undefined;
  checkHosts(plans, proxy);
  return proxy;
}

function kubernetesParts(
  kube: Kube,
  config: WorkerConfig,
  packageIndex: PackageIndex | undefined,
  egressProxy: EgressProxy | undefined,
) {
  const resources = programResources(config);
  const egress = { plans: config.USER_PLANS, clusterDns: config.CLUSTER_DNS, egressProxy };
  return {
    testRunner: createTestRunner(kube, {
      languages: loadLanguages(),
      packageIndexUrl: config.PACKAGE_INDEX_URL,
      variablesOf: runVariables(kube, { ...egress, packageIndex }),
    }),
    environments: createEnvironments(kube, {
      testImage: config.TEST_IMAGE,
      findRuntime: runtimeFinder(kube, config.TEST_RUNTIME_CLASS),
      nodeSelector: config.TEST_NODE_SELECTOR,
      tolerations: config.TEST_TOLERATIONS,
      ...egress,
      maxUsers: config.MAX_USERS,
      testCpuRequest: config.TEST_CPU_REQUEST,
      testMemoryMiB: config.RUN_MEMORY_MB + BESIDE_THE_RUN_MIB,
      packageIndex,
      programResources: resources,
    }),
    testDatabases: createTestDatabases(kube),
    production: createProduction(kube, {
      programImage: config.PROGRAM_IMAGE,
      databaseImage: config.DATABASE_IMAGE,
      ...egress,
      olderDatabaseImages: { '15': config.DATABASE_IMAGE_15 },
      packageIndex,
      resources,
    }),
  };
}

/** @throws Error for a request above its limit, which the cluster would reject at every deploy */
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
    interactiveWallMs: config.RUN_INTERACTIVE_SECONDS * 1000,
    rolloutDeadlineMs: config.ROLLOUT_SECONDS * 1000,
  };
}

void main().catch((error: unknown) => {
  createLogger('worker', 'info').fatal({ err: error }, 'worker stopped');
  // Connections that were opened before the failure would keep the process alive.
  process.exit(1);
});

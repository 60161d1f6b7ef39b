/** A gateway with its connections to Temporal, the cluster and Elasticsearch; main.ts starts it. */
import type { Config } from '../infrastructure/config/config';
import { accessTo, ELASTICSEARCH_VARIABLES } from '../infrastructure/elasticsearch/access';
import { createLogHistory } from '../infrastructure/elasticsearch/logHistory';
import { createOutputArchive } from '../infrastructure/elasticsearch/outputArchive';
import { outputIndexOf } from '../infrastructure/elasticsearch/outputTemplate';
import { connectKubernetes, type Kube } from '../infrastructure/kubernetes/api/client';
import { effectiveEgress } from '../infrastructure/kubernetes/egress/annotation';
import { watchKeys } from '../infrastructure/kubernetes/keys';
import { createLiveLogs } from '../infrastructure/kubernetes/logs/live';
import { followPodLog } from '../infrastructure/kubernetes/logs/podLog';
import { programAddress } from '../infrastructure/kubernetes/production/program/address';
import { inspectProduction } from '../infrastructure/kubernetes/production/inspect';
import { productionPods } from '../infrastructure/kubernetes/production/pods';
import { loadLanguages } from '../sandbox/languages/languages';
import type { Logger } from '../infrastructure/logging';
import type { Tracing } from '../infrastructure/telemetry/tracing';
import { connectClient, TEMPORAL_VARIABLES } from '../infrastructure/temporal/connection';
import { elasticAudit } from './audit/elasticAudit';
import { clientAddress } from './auth/clientAddress';
import { addressFrom, cached } from './apps/addresses';
import { limitsFor, type Limits } from './limits';
import type { SubmissionRules } from './protocol/submissionRules';
import { programUrls } from './protocol/programUrl';
import { createMetrics, type Metrics } from './metrics';
import type { FollowLog } from './progress/liveOutput';
import { startServer, type RunningServer } from './server';
import { temporalSubmissions } from './submissions/submissionService';

/** The environment variables that a gateway reads. */
export const GATEWAY_VARIABLES = [
  'API_KEY',
  'HOST',
  'PORT',
  'TRUSTED_PROXIES',
  'FORWARD_APPS',
  'APPS_ADDRESS',
  'APPS_DOMAIN',
  'MAX_CODE_BYTES',
  'RUN_WALL_SECONDS',
  'RUN_INTERACTIVE_SECONDS',
  'RUN_MEMORY_MB',
  'RUN_MAX_OUTPUT_BYTES',
  ...TEMPORAL_VARIABLES,
  'TEMPORAL_TASK_QUEUE',
  'TEMPORAL_UI_URL',
  'KIBANA_URL',
  ...ELASTICSEARCH_VARIABLES,
  'ELASTICSEARCH_LOGS',
  'ACTIONS_RETENTION_DAYS',
  'AUDIT_DIRECTORY',
  'AUDIT_SPOOL_MB',
  'KUBECONFIG',
  'KUBE_CONTEXT',
  'KUBERNETES_SERVICE_HOST',
  'LOG_LEVEL',
] as const;

export type GatewayConfig = Config<Exclude<(typeof GATEWAY_VARIABLES)[number], 'LOG_LEVEL'>>;

export interface GatewayParts {
  logger: Logger;
  /** Default: no tracing. */
  tracing?: Tracing | null;
  limits?: Limits;
  /** Default: a new registry. */
  metrics?: Metrics;
}

/** Starts a gateway with its own connection to Temporal. Closing it closes both, and loses no submission. */
export async function startGateway(
  config: GatewayConfig,
  {
    logger,
    tracing = null,
    limits = limitsFor(config.MAX_CODE_BYTES),
    metrics = createMetrics(),
  }: GatewayParts,
): Promise<RunningServer> {
  const client = connectClient(config, tracing?.clientInterceptors);
  const kube = clusterOf(config);
  if (!kube)
    logger.info('KUBECONFIG names no cluster: output comes when tests are over, and API_KEY is the only key');
  const followLog: FollowLog | null = kube && ((userId, options) => followPodLog(kube, userId, options));
  const closed = new AbortController();
  const keys = kube && watchKeys(kube, { signal: closed.signal, logger });
  const history = createLogHistory({ ...accessTo(config), prefix: config.ELASTICSEARCH_LOGS });
  const outputArchive = createOutputArchive({
    ...accessTo(config),
    index: outputIndexOf(config.ELASTICSEARCH_INDEX),
  });
  const addressOf = clientAddress(config.TRUSTED_PROXIES);
  const audit = elasticAudit(config, { logger, counters: metrics.log, addressOf });
  const disconnect = () =>
    Promise.all([client.connection.close(), history.close(), outputArchive.close(), audit.close()]);
  try {
    const programsAt = programAddresses(config, kube);
    const appsDomain = config.APPS_DOMAIN ?? null;
    const programUrl = programUrls({ isForwarding: programsAt !== null, domain: appsDomain });
    const submissions = temporalSubmissions(client, config.TEMPORAL_TASK_QUEUE, {
      ...{ limits, followLog, programUrl },
    });
    const server = await startServer(config, {
      ...{ submissions, rules: rulesFrom(config), logger, keys, limits },
      links: {
        temporal_ui: config.TEMPORAL_UI_URL ?? null,
        temporal_namespace: config.TEMPORAL_NAMESPACE,
        kibana: config.KIBANA_URL ?? null,
      },
      ...{ audit, metrics, addressOf },
      logs: { live: kube && createLiveLogs(kube), history },
      outputArchive,
      inspect: kube && ((userId) => lookAt(kube, userId)),
      ...{ programAddress: programsAt, appsDomain },
    });
    return {
      url: server.url,
      leave: () => server.leave(),
      close: () => {
        closed.abort();
        return server.close().finally(disconnect);
      },
    };
  } catch (error) {
    closed.abort();
    await disconnect();
    throw error;
  }
}

function rulesFrom(config: GatewayConfig): SubmissionRules {
  return {
    languages: loadLanguages(),
    maxCodeBytes: config.MAX_CODE_BYTES,
    limits: {
      wall_seconds: config.RUN_WALL_SECONDS,
      interactive_seconds: config.RUN_INTERACTIVE_SECONDS,
      memory_mb: config.RUN_MEMORY_MB,
      output_bytes: config.RUN_MAX_OUTPUT_BYTES,
    },
  };
}

/** Null if no cluster is configured: the gateway then follows no logs, and accepts only `API_KEY`. */
function clusterOf(config: GatewayConfig): Kube | null {
  const { KUBECONFIG: kubeconfig, KUBE_CONTEXT: context, KUBERNETES_SERVICE_HOST: host } = config;
  if (kubeconfig === undefined && host === undefined) return null;
  return connectKubernetes({ kubeconfig, context, inCluster: host !== undefined });
}

/**
 * Finds the addresses of programs; null if requests are not forwarded.
 * @throws Error if there is no source of addresses, or if programs have a domain and nothing is forwarded to them
 */
function programAddresses({ FORWARD_APPS, APPS_ADDRESS, APPS_DOMAIN }: GatewayConfig, kube: Kube | null) {
  if (FORWARD_APPS === 'off') {
    // Otherwise the gateway's own pages would be served on the hosts of programs.
    if (APPS_DOMAIN)
      throw new Error('APPS_DOMAIN is set, and FORWARD_APPS is off: turn it on, or unset APPS_DOMAIN.');
    return null;
  }
  if (APPS_ADDRESS !== undefined) return addressFrom(APPS_ADDRESS);
  if (kube !== null) return cached((userId) => programAddress(kube, userId));
  throw new Error(
    'FORWARD_APPS is on, and nothing says where programs are: set APPS_ADDRESS, or KUBECONFIG.',
  );
}

/** What a user has in production, its pods, and what they may connect to. */
async function lookAt(kube: Kube, userId: string) {
  const [report, pods, egress] = await Promise.all([
    inspectProduction(kube, userId),
    productionPods(kube, userId),
    effectiveEgress(kube, userId),
  ]);
  return { ...report, pods, egress };
}

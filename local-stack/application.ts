import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { originOf, parseAppsDomain } from '../infrastructure/config/appsDomain';
import { buildPage, bundleWorkflows } from './build';
import type { Endpoints } from './endpoints';
import { portHolder } from './machine/portHolder';
import type { Progress } from './machine/progress';
import { httpStatus } from './parts/httpCheck';
import { ServerPart } from './parts/serverPart';
import { dnsRangeOf, statePaths, type Settings } from './settings';
import { Servers } from './servers';

/** The worker and the gateway, as separate processes. */
export interface Application {
  /** Rejects when one of them dies and is not restarted again. */
  failed: Promise<never>;
  /** Lines that show its URLs and its API key. */
  describe(): string[];
  stop(): Promise<void>;
}

export interface ApplicationOptions {
  settings: Settings;
  endpoints: Endpoints;
  progress: Progress;
  signal?: AbortSignal;
}

/** Starts the worker and the gateway, and waits until both are ready. */
export async function startApplication(options: ApplicationOptions): Promise<Application> {
  const { settings, endpoints, progress, signal } = options;
  const port = Number(process.env.PORT || 8000);
  const holder = portHolder(port);
  if (holder) throw new Error(`Port ${port} (gateway) is taken by ${holder.description}. PORT moves it.`);
  const apiKey = await ensureApiKey(settings);
  const parts = new Servers((line) => progress.say(line));
  const abort = () => void parts.stop().catch(() => undefined);
  signal?.addEventListener('abort', abort);
  try {
    const [workflowBundle] = await progress.step('building the workflows and the page, if they changed', () =>
      Promise.all([bundleWorkflows(settings.checkout), buildPage(settings.checkout)]),
    );
    await progress.step('starting worker and gateway', () =>
      Promise.all([
        parts.start(worker(settings, endpoints, workflowBundle), 'independent'),
        parts.start(gateway(settings, endpoints, apiKey.value, port), 'independent'),
      ]),
    );
  } catch (error) {
    await parts.stop();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
  return {
    failed: parts.failed,
    describe: () => [
      `  Page             http://localhost:${port}`,
      `  Gateway          ws://localhost:${port}/ws/code`,
      ...programsLine(programSettings(port)),
      `  API key          ${apiKey.value}   (${apiKey.source})`,
    ],
    stop: () => parts.stop(),
  };
}

/** How long the local stack retains closed workflows, in days. */
const HISTORY_DAYS = '30';

/** Settings of both, under the names that infrastructure/config/config.ts reads. */
function shared(endpoints: Endpoints): Record<string, string> {
  return {
    TEMPORAL_ADDRESS: endpoints.temporalAddress,
    TEMPORAL_NAMESPACE: process.env.TEMPORAL_NAMESPACE || 'default',
    ELASTICSEARCH_HOST: endpoints.elasticsearch,
  };
}

function worker(settings: Settings, endpoints: Endpoints, workflowBundle: string): ServerPart {
  const { kubernetes, images, packageIndex } = endpoints;
  const part: ServerPart = new ServerPart({
    settings,
    name: 'worker',
    specification: () =>
      Promise.resolve({
        ...program(settings, 'worker'),
        environment: {
          ...shared(endpoints),
          WORKFLOW_BUNDLE: process.env.WORKFLOW_BUNDLE || workflowBundle,
          KUBECONFIG: kubernetes.workerKubeconfig,
          // The retention of a Temporal server that the environment names is not changed.
          ...(!process.env.TEMPORAL_ADDRESS && {
            HISTORY_RETENTION_DAYS: process.env.HISTORY_RETENTION_DAYS || HISTORY_DAYS,
          }),
          KUBE_CONTEXT: kubernetes.context,
          ...(images && imageVariables(images)),
          ...(images && { CLUSTER_DNS: process.env.CLUSTER_DNS || dnsRangeOf(settings) }),
          ...(packageIndex && packageIndexVariables(packageIndex)),
          API_KEY: undefined,
        },
        graceMilliseconds: 15_000,
      }),
    isReady: () => Promise.resolve(readFileSync(part.logFile, 'utf8').includes('"msg":"worker ready"')),
    readyWithin: 60_000,
    owner: applicationOwner(settings),
  });
  return part;
}

/** The gateway may read the logs of test pods, and nothing else in the cluster. */
function gateway(settings: Settings, endpoints: Endpoints, apiKey: string, port: number): ServerPart {
  return new ServerPart({
    settings,
    name: 'gateway',
    specification: () =>
      Promise.resolve({
        ...program(settings, 'gateway'),
        environment: {
          ...shared(endpoints),
          API_KEY: apiKey,
          AUDIT_DIRECTORY: process.env.AUDIT_DIRECTORY || join(settings.stateDirectory, 'audit'),
          TEMPORAL_UI_URL: process.env.TEMPORAL_UI_URL || endpoints.temporalUi,
          HOST: process.env.HOST || '0.0.0.0',
          PORT: String(port),
          ...programSettings(port),
          KUBECONFIG: endpoints.kubernetes.gatewayKubeconfig,
          KUBE_CONTEXT: endpoints.kubernetes.context,
        },
        graceMilliseconds: 15_000,
      }),
    isReady: async () => (await httpStatus(`http://127.0.0.1:${port}/healthz`)) === 200,
    readyWithin: 60_000,
    owner: applicationOwner(settings),
  });
}

/** How programs are reached: each has its own origin, because browsers resolve `*.localhost` to this machine. */
function programSettings(port: number) {
  const FORWARD_APPS = process.env.FORWARD_APPS || 'on';
  const byDefault = FORWARD_APPS === 'on' ? `apps.localhost:${port}` : '';
  return { FORWARD_APPS, APPS_DOMAIN: process.env.APPS_DOMAIN || byDefault };
}

function programsLine({ APPS_DOMAIN }: ReturnType<typeof programSettings>): string[] {
  const domain = parseAppsDomain(APPS_DOMAIN);
  return domain ? [`  Programs         ${originOf('USER', domain)}/`] : [];
}

/** Differs from the stack's owner: the stack may stop and start again while the application keeps running. */
function applicationOwner(settings: Settings): string {
  return `${settings.stateDirectory}#application`;
}

function program(settings: Settings, folder: string) {
  return {
    command: process.execPath,
    args: [require.resolve(`../${folder}/main`)],
    directory: settings.checkout,
  };
}

/** An image that the environment names takes precedence over the one that was built here. */
function imageVariables(images: NonNullable<Endpoints['images']>): Record<string, string> {
  return {
    TEST_IMAGE: process.env.TEST_IMAGE || images['test-pod'],
    PROGRAM_IMAGE: process.env.PROGRAM_IMAGE || images.program,
    DATABASE_IMAGE: process.env.DATABASE_IMAGE || images.database,
    DATABASE_IMAGE_15: process.env.DATABASE_IMAGE_15 || images['database-15'],
  };
}

/** An index that the environment names takes precedence, but pods of the local stack cannot reach it. */
function packageIndexVariables({
  url,
  cidr,
}: NonNullable<Endpoints['packageIndex']>): Record<string, string> {
  if (process.env.PACKAGE_INDEX_URL) return {};
  return { PACKAGE_INDEX_URL: url, PACKAGE_INDEX_CIDR: cidr };
}

/** The key from the environment, or one that is generated once per state directory. */
async function ensureApiKey(settings: Settings): Promise<{ value: string; source: string }> {
  if (process.env.API_KEY) return { value: process.env.API_KEY, source: 'API_KEY' };
  const path = statePaths(settings).apiKey;
  if (!existsSync(path)) await writeFile(path, randomBytes(32).toString('hex'), { mode: 0o600 });
  return { value: readFileSync(path, 'utf8').trim(), source: path };
}

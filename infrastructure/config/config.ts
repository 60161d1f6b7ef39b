import { accessSync, constants, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import proxyAddr from 'proxy-addr';
import { z } from 'zod';
import { appsDomain } from './appsDomain';
import { dnsRanges } from './egress';
import { nodeSelector, tolerations } from './placement';
import { plans } from './plans';
import { payloadKeys } from './payloadKeys';

/** The shortest secret, in characters. */
const SECRET_CHARACTERS = 16;
const secret = [SECRET_CHARACTERS, `must have at least ${SECRET_CHARACTERS} characters`] as const;

/** Every variable that the gateway and the worker read, with its default. `.env.example` documents each. */
const variables = {
  API_KEY: z.string(`is not set: choose a secret of at least ${SECRET_CHARACTERS} characters`).min(...secret),
  HOST: z.string().default('0.0.0.0'),
  PORT: port().default(8000),
  TRUSTED_PROXIES: proxies().default([]),
  WORKER_PORT: port().optional(),
  WORKER_DEPLOYMENT: z
    .string()
    .regex(/^[\w-]{1,128}$/, 'must be 1 to 128 letters, digits, _ or -')
    .optional(),
  WORKER_BUILD_ID: z
    .string()
    .regex(/^[\w.-]{1,128}$/, 'must be 1 to 128 letters, digits, dots, _ or -')
    .optional(),
  FORWARD_APPS: z.enum(['on', 'off'], { error: 'must be on or off' }).default('off'),
  APPS_ADDRESS: z
    .string()
    .regex(
      /^https?:\/\/[^/]*\{user\}[^/]*$/,
      'must be an HTTP URL with {user} in its host, such as http://{user}-prod.user-{user}.svc',
    )
    .optional(),
  APPS_DOMAIN: appsDomain().optional(),
  MAX_CODE_BYTES: wholeNumber(1, 1_000_000, 'a ConfigMap holds 1 MiB').default(262_144),
  TEMPORAL_ADDRESS: z.string().default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_TASK_QUEUE: z.string().default('submissions'),
  ...temporalAccess(),
  TEMPORAL_UI_URL: httpUrl('http://127.0.0.1:8233').optional(),
  KIBANA_API_KEY: z.string().optional(),
  KIBANA_URL: httpUrl('http://127.0.0.1:5601').optional(),
  ELASTICSEARCH_HOST: z.url('must be a URL such as http://127.0.0.1:9200').default('http://127.0.0.1:9200'),
  ELASTICSEARCH_INDEX: z.string().default('orchestration-actions'),
  ACTIONS_RETENTION_DAYS: wholeNumber(1).default(365),
  HISTORY_RETENTION_DAYS: wholeNumber(1).optional(),
  AUDIT_DIRECTORY: z.string().default(join(tmpdir(), 'orchestration-audit')),
  AUDIT_SPOOL_MB: wholeNumber(1).default(256),
  ELASTICSEARCH_LOGS: z.string().default('orchestration-logs'),
  ELASTICSEARCH_CA_FILE: readableFile().optional(),
  ELASTICSEARCH_API_KEY: z.string().optional(),
  KUBECONFIG: z.string().optional(),
  KUBE_CONTEXT: z.string().optional(),
  /** Set by Kubernetes in every pod. */
  KUBERNETES_SERVICE_HOST: z.string().optional(),
  TEST_IMAGE: z.string().default('docker.io/orchestration-app/test-pod:latest'),
  TEST_CPU_REQUEST: processors(1).default(0.04),
  TEST_RUNTIME_CLASS: z.string().min(1).default('none'),
  TEST_NODE_SELECTOR: nodeSelector.optional(),
  TEST_TOLERATIONS: tolerations.optional(),
  USER_PLANS: plans.optional(),
  CLUSTER_DNS: dnsRanges.prefault('169.254.20.10/32'),
  EGRESS_PROXY_URL: z
    .url({ protocol: /^http$/, error: 'must be a URL such as http://egress-proxy.orchestration-system:3128' })
    .optional(),
  EGRESS_PROXY_KEY: z
    .string()
    .min(...secret)
    .optional(),
  EGRESS_PROXY_CIDR: z.cidrv4({ error: 'must be a range of IPv4 addresses such as 192.0.2.7/32' }).optional(),
  EGRESS_PROXY_PORT: port().default(3128),
  MAX_USERS: wholeNumber(0).default(0),
  PROGRAM_IMAGE: z.string().default('docker.io/orchestration-app/program:latest'),
  DATABASE_IMAGE: z.string().default('docker.io/orchestration-app/database:latest'),
  DATABASE_IMAGE_15: z.string().default('docker.io/orchestration-app/database-15:latest'),
  PACKAGE_INDEX_URL: httpUrl('https://pypi.org/simple').optional(),
  PACKAGE_INDEX_CIDR: z
    .cidrv4({ error: 'must be a range of IPv4 addresses such as 192.0.2.7/32' })
    .optional(),
  RUN_WALL_SECONDS: seconds(600).default(10),
  RUN_INTERACTIVE_SECONDS: seconds(600).default(120),
  RUN_MEMORY_MB: wholeNumber(32, 1_536, 'a container of a user has 2.5 GiB').default(256),
  RUN_KEEP_OUTPUT_BYTES: wholeNumber(
    1024,
    262_144,
    'kept output is stored in the history of the workflow',
  ).default(65_536),
  RUN_MAX_OUTPUT_BYTES: wholeNumber(1024).default(10_485_760),
  PROGRAM_CPUS: processors().default(1),
  PROGRAM_CPU_REQUEST: processors().default(0.015),
  PROGRAM_MEMORY_MB: wholeNumber(64).default(256),
  PROGRAM_MEMORY_REQUEST_MB: wholeNumber(1).default(64),
  ROLLOUT_SECONDS: wholeNumber(1).default(120),
  TEST_POD_IDLE_MINUTES: wholeNumber(0).default(0),
  PROGRAM_IDLE_MINUTES: wholeNumber(0).default(0),
  ...tracing(),
  WORKFLOW_BUNDLE: readableFile().optional(),
  CODEC_HOST: z.string().default('127.0.0.1'),
  CODEC_PORT: port().default(8234),
  CODEC_TOKEN: z
    .string()
    .min(...secret)
    .optional(),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal'], {
      error: 'must be trace, debug, info, warn, error or fatal',
    })
    .default('info'),
};

type Variables = typeof variables;

/** The settings of one process: the variables that it requested, parsed. */
export type Config<Name extends keyof Variables> = { [N in Name]: z.infer<Variables[N]> };

/**
 * Parses the named variables. An empty variable counts as unset.
 * @throws Error that lists every invalid variable and what is wrong with it.
 */
export function readConfig<Name extends keyof Variables>(
  names: readonly Name[],
  environment: Record<string, string | undefined> = process.env,
): Config<Name> {
  const config: Partial<Record<Name, unknown>> = {};
  const validationErrors: string[] = [];
  for (const name of names) {
    const result = variables[name].safeParse(environment[name] || undefined);
    if (result.success) config[name] = result.data;
    else validationErrors.push(`${name} ${result.error.issues.map(describeIssue).join(', ')}`);
  }
  if (validationErrors.length > 0)
    throw new Error(
      `Invalid configuration: ${validationErrors.join('; ')}. .env.example describes each variable.`,
    );
  return config as Config<Name>;
}

/** For a variable with several values, the message names the invalid one. */
function describeIssue({ path, message }: z.core.$ZodIssue): string {
  return [path.join('.'), message].filter((part) => part !== '').join(' ');
}

/** @param reason for the maximum, which the message explains */
function wholeNumber(minimum: number, maximum = Number.MAX_SAFE_INTEGER, reason?: string) {
  const range =
    maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
  const error = `must be a whole number ${range}${reason ? `: ${reason}` : ''}`;
  return z.coerce
    .number({ error })
    .int({ error, abort: true })
    .min(minimum, { error })
    .max(maximum, { error });
}

function seconds(maximum: number) {
  const error = `must be a number of seconds, more than 0 and at most ${maximum}`;
  return z.coerce.number({ error }).positive({ error }).max(maximum, { error });
}

function httpUrl(example: string) {
  return z.url({ protocol: /^https?$/, error: `must be an HTTP URL such as ${example}` });
}

/** A number of CPUs, which Kubernetes counts in thousandths. */
function processors(most = Infinity) {
  const error = `must be a number of CPUs of at least 0.001${most === Infinity ? '' : ` and at most ${most}`}`;
  return z.coerce.number({ error }).min(0.001, { error }).max(most, { error });
}

/** The OpenTelemetry variables that must be valid for traces to arrive. */
function tracing() {
  const address = () => httpUrl('http://127.0.0.1:4318').optional();
  const protocol = () =>
    z.enum(['http/protobuf'], { error: 'must be http/protobuf, the default, or unset' }).optional();
  return {
    OTEL_SDK_DISABLED: z.enum(['true', 'false'], { error: 'must be true or false' }).default('false'),
    OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none'], { error: 'must be otlp or none' }).default('otlp'),
    OTEL_EXPORTER_OTLP_ENDPOINT: address(),
    OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: address(),
    OTEL_EXPORTER_OTLP_PROTOCOL: protocol(),
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: protocol(),
  };
}

/** Access to a server with TLS, or to Temporal Cloud. Temporal's own tools use the same variable names. */
function temporalAccess() {
  return {
    TEMPORAL_TLS: z.enum(['true', 'false'], { error: 'must be true or false' }).optional(),
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: readableFile().optional(),
    TEMPORAL_TLS_CLIENT_CERT_PATH: readableFile().optional(),
    TEMPORAL_TLS_CLIENT_KEY_PATH: readableFile().optional(),
    TEMPORAL_TLS_SERVER_NAME: z.string().optional(),
    TEMPORAL_API_KEY: z.string().optional(),
    PAYLOAD_KEYS: payloadKeys().optional(),
  };
}

/** A comma-separated list. */
function proxies() {
  return z
    .string()
    .transform((text) => text.split(',').map((entry) => entry.trim()))
    .superRefine((entries, context) => {
      for (const entry of entries.filter((one) => !areProxies(one)))
        context.addIssue({
          code: 'custom',
          message: `has ${JSON.stringify(entry)}: each entry must be an IP address, a range such as 10.0.0.0/8, or one of loopback, linklocal and uniquelocal`,
        });
    });
}

function areProxies(entry: string): boolean {
  try {
    proxyAddr.compile(entry);
    return true;
  } catch {
    return false;
  }
}

/** Checked when the process starts, so that the error for a wrong path names the variable. */
function readableFile() {
  return z.string().refine((path) => isReadable(path), {
    error: ({ input }) => `is ${String(input)}, which must be a file that this process can read`,
  });
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function port() {
  return wholeNumber(0, 65_535);
}

import { composeProgram } from '../../local-stack/artifacts/composeProgram';
import { runCommand } from '../../local-stack/machine/command';
import { Progress } from '../../local-stack/machine/progress';
import { readSettings } from '../../local-stack/settings';
import { GATEWAY_VARIABLES } from '../../gateway/gateway';
import { WORKER_VARIABLES } from '../../worker/variables';

/** compose.yaml as Docker Compose parses it, which needs no Docker engine; nothing is started. */

interface Service {
  image: string;
  build?: { dockerfile: string };
  entrypoint: string[] | null;
  environment?: Record<string, string | null>;
  healthcheck?: object;
  deploy?: { resources?: { limits?: { memory?: string; cpus?: number } } };
  depends_on?: Record<string, { condition: string }>;
  read_only?: boolean;
  ports?: { published: string; host_ip?: string }[];
}

interface Project {
  services: Record<string, Service>;
  volumes: Record<string, object>;
}

const SECRETS = { API_KEY: 'a key of the test', POSTGRES_PASSWORD: 'a password of the test' };
const EVERYTHING = 'temporal,elasticsearch,kibana,cluster';
let compose: string;

beforeAll(async () => {
  compose = await composeProgram(readSettings(), new Progress());
}, 600_000); // Includes a Go build, once.

async function project(environment: Record<string, string>): Promise<Project> {
  const settings = { API_KEY: '', POSTGRES_PASSWORD: '', COMPOSE_DISABLE_ENV_FILE: '1', ...environment };
  const printed = await runCommand(compose, ['config', '--format', 'json'], { environment: settings });
  return JSON.parse(printed) as Project;
}

test('the whole system is one that Docker Compose takes', async () => {
  const { services, volumes } = await project({ ...SECRETS, COMPOSE_PROFILES: EVERYTHING });
  expect(Object.keys(services)).toEqual(
    expect.arrayContaining([
      'gateway',
      'worker',
      'temporal',
      'temporal-ui',
      'elasticsearch',
      'kibana',
      'k3s',
    ]),
  );
  expect(Object.keys(volumes)).toEqual(expect.arrayContaining(['postgresql', 'elasticsearch', 'k3s']));
  const ports = Object.values(services).flatMap(({ ports = [] }) => ports);
  expect(ports.filter(({ host_ip }) => host_ip !== '127.0.0.1').map(({ published }) => published)).toEqual([
    '8000',
  ]);
  expect(ports.map(({ published }) => published)).toEqual(expect.arrayContaining(['9200', '5601']));
});

test('what runs on has limits, what is waited for says that it is healthy', async () => {
  const { services } = await project({ ...SECRETS, COMPOSE_PROFILES: EVERYTHING });
  for (const { deploy, entrypoint } of Object.values(services))
    if (entrypoint?.[0] !== 'true') expect(deploy?.resources?.limits?.memory).toBeDefined();
  for (const { depends_on } of Object.values(services))
    for (const [name, { condition }] of Object.entries(depends_on ?? {}))
      if (condition === 'service_healthy') expect(services[name]?.healthcheck).toBeDefined();
      else expect(condition).toBe('service_completed_successfully');
  for (const name of ['gateway', 'worker']) expect(services[name]?.read_only).toBe(true);
});

test('with servers of one’s own, gateway and worker are all that is started', async () => {
  const own = { TEMPORAL_ADDRESS: 'temporal.example.com:7233', CLUSTER_CONFIG: './.cluster' };
  const { services } = await project({ ...SECRETS, ...own, COMPOSE_PROFILES: '' });
  expect(Object.keys(services).sort()).toEqual(['gateway', 'worker']);
  expect(services.worker?.environment?.TEMPORAL_ADDRESS).toBe('temporal.example.com:7233');
});

/** What the containers fix for themselves. */
const FIXED = ['HOST', 'PORT', 'KUBECONFIG', 'KUBERNETES_SERVICE_HOST', 'WORKFLOW_BUNDLE', 'AUDIT_DIRECTORY'];

test.each([
  ['gateway', GATEWAY_VARIABLES],
  ['worker', WORKER_VARIABLES],
] as const)('every setting of .env reaches the %s', async (name, variables) => {
  const settings = variables.filter((each) => !FIXED.includes(each) && each !== 'WORKER_PORT');
  const given = Object.fromEntries(settings.map((each) => [each, `the ${each} of the test`]));
  const { services } = await project({ ...SECRETS, ...given });
  expect(services[name]?.environment).toMatchObject(given);
});

test('without keys of its own nothing starts, and the message says what makes them', async () => {
  await expect(project({ COMPOSE_PROFILES: EVERYTHING })).rejects.toThrow(/prepare\.sh/);
});

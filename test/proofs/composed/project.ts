import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { composeProgram } from '../../../local-stack/artifacts/composeProgram';
import { obtainBase, type BaseName } from '../../../local-stack/images/baseImages';
import { npmSecrets } from '../../../local-stack/images/npmSecrets';
import { runCommand } from '../../../local-stack/machine/command';
import { Progress } from '../../../local-stack/machine/progress';
import type { Settings } from '../../../local-stack/settings';
import { elasticsearchImage } from '../elasticsearchImage';
import { stack } from '../../integration/stack';
import { reservePort } from '../../reservedPorts';
import type { Engine } from './engine';

/** `docker compose` in a copy of the checkout, as for a user who brings a Temporal and a Kubernetes. */
export interface Project {
  gatewayPort: number;
  apiKey: string;
  elasticsearch: string;
  taskQueue: string;
  compose(...args: string[]): Promise<string>;
}

/** Local replacements of the public images that Dockerfiles name: Dockerfile, its ARG, and the local base. */
const BASES: [string, string, BaseName][] = [
  ['Dockerfile.gateway', 'BASE_IMAGE', 'node'],
  ['Dockerfile.gateway', 'RUNTIME_IMAGE', 'runtime'],
  ['Dockerfile.test', 'BASE_IMAGE', 'languages'],
  ['Dockerfile.test', 'NODE_IMAGE', 'node'],
  ['sandbox/production-pod/database/Dockerfile', 'BASE_IMAGE', 'database'],
];

const LEFT_OUT = ['.git', '.env', '.cluster', 'node_modules', 'dist', 'coverage', '__pycache__'];

export async function prepareProject(
  directory: string,
  engine: Engine,
  settings: Settings,
): Promise<Project> {
  const progress = new Progress();
  const program = await composeProgram(settings, progress);
  const checkout = join(directory, 'orchestration-app');
  await cp(settings.checkout, checkout, {
    recursive: true,
    filter: (path) => !LEFT_OUT.includes(basename(path)),
  });
  await loadImages(checkout, engine, settings);

  const { kubeconfig, kubeContext, temporalAddress, images } = stack();
  const prepare = { KUBECONFIG: kubeconfig, KUBE_CONTEXT: kubeContext };
  await runCommand('sh', ['infrastructure/compose/prepare.sh'], { cwd: checkout, environment: prepare });
  const apiKey = /^API_KEY=(.+)$/m.exec(await readFile(join(checkout, '.env'), 'utf8'))?.[1] ?? '';
  const [gateway, worker, http, transport] = await Promise.all([1, 2, 3, 4].map(() => reservePort()));
  const ports = { gateway: gateway!, worker: worker!, http: http!, transport: transport! };
  const secrets = await npmSecretsIn(join(directory, 'secrets'));
  await writeFile(join(checkout, 'compose.override.yaml'), overrideOf(ports, secrets));

  const elasticsearch = `http://127.0.0.1:${ports.http}`;
  const taskQueue = `composed-${ports.gateway}`;
  const environment = {
    ...engine.environment,
    COMPOSE_PROFILES: 'elasticsearch',
    COMPOSE_BAKE: 'false', // A separate program, which cannot build these images.
    TEMPORAL_ADDRESS: temporalAddress,
    TEMPORAL_TASK_QUEUE: taskQueue,
    ELASTICSEARCH_HOST: elasticsearch,
    TEST_IMAGE: images.test,
    PROGRAM_IMAGE: images.program,
    DATABASE_IMAGE: images.database,
    DATABASE_IMAGE_15: images.database15,
  };
  const compose = (...args: string[]) => runCommand(program, args, { cwd: checkout, environment });
  return { gatewayPort: ports.gateway, apiKey, elasticsearch, taskQueue, compose };
}

/** Loads them under the public names, so that compose.yaml and the Dockerfiles are used unchanged. */
async function loadImages(checkout: string, engine: Engine, settings: Settings): Promise<void> {
  for (const [dockerfile, argument, base] of BASES) {
    const text = await readFile(join(checkout, dockerfile), 'utf8');
    const archive = await obtainBase(base, settings, new Progress());
    await engine.docker('import', archive, named(text, new RegExp(`^ARG ${argument}=(\\S+)$`, 'm')));
  }
  const compose = await readFile(join(checkout, 'compose.yaml'), 'utf8');
  const elasticsearch = named(compose, /image: (docker\.elastic\.co\/elasticsearch\/\S+)/);
  await engine.docker('load', '--input', await elasticsearchImage(elasticsearch));
}

function named(text: string, pattern: RegExp): string {
  const name = pattern.exec(text)?.[1];
  if (name === undefined) throw new Error(`Nothing is like ${String(pattern)}.`);
  return name;
}

async function npmSecretsIn(directory: string): Promise<Record<string, string>> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  return npmSecrets(directory);
}

interface Ports {
  gateway: number;
  worker: number;
  http: number;
  transport: number;
}

/**
 * What differs on this machine: containers and builds use its network, with free ports and its npm registry,
 * and Elasticsearch ignores how full the disk is.
 */
function overrideOf({ gateway, worker, http, transport }: Ports, secrets: Record<string, string>): string {
  const build = `{ network: host, secrets: [${Object.keys(secrets).join(', ')}] }`;
  const health = `curl -fs "localhost:${http}/_cluster/health?wait_for_status=yellow&timeout=1s"`;
  return `services:
  gateway:
    network_mode: host
    ports: !reset []
    build: ${build}
    environment: { PORT: '${gateway}' }
  worker:
    network_mode: host
    build: ${build}
    environment: { WORKER_PORT: '${worker}' }
  elasticsearch:
    network_mode: host
    ports: !reset []
    environment:
      network.host: 127.0.0.1
      http.port: '${http}'
      transport.port: '${transport}'
      cluster.routing.allocation.disk.threshold_enabled: 'false'
    healthcheck: { test: [CMD-SHELL, '${health}'] }
  test-pod-image: { build: { network: host } }
  program-image: { build: { network: host } }
  database-image: { build: { network: host } }
secrets:
${Object.entries(secrets)
  .map(([id, file]) => `  ${id}: { file: ${JSON.stringify(file)} }`)
  .join('\n')}
`;
}

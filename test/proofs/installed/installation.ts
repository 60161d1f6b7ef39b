import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { loadPlatform } from '../../../local-stack/images/loadImages';
import { Progress } from '../../../local-stack/machine/progress';
import { readSettings } from '../../../local-stack/settings';
import { kubectl } from '../../integration/kubectl';
import { stack } from '../../integration/stack';
import { openFronts } from './fronts';

const NAMESPACE = 'orchestration-system';
const OVERLAY = resolve(__dirname, '..', '..', '..', 'infrastructure', 'install', 'overlays', 'local');

/** The platform as installed in the local stack's cluster, from its images. */
export interface Installation {
  /** URL of the Service, for example `ws://10.96.0.7:8000/ws/code`. */
  url: string;
  apiKey: string;
  taskQueue: string;
  index: string;
  payloadKeys: string;
  codec: { url: string; token: string };
  remove(): Promise<void>;
}

export async function install(): Promise<Installation> {
  const images = await loadPlatform(readSettings(), new Progress());
  const directory = await mkdtemp(join(tmpdir(), 'installation-'));
  const fronts = await openFronts(join(directory, 'certificates'));
  const id = randomUUID().slice(0, 8);
  const installation = {
    apiKey: randomUUID(),
    taskQueue: `installed-${id}`,
    index: `test-actions-${id}`,
    payloadKeys: `test:${randomBytes(32).toString('base64')}`,
    codecToken: randomUUID(),
  };
  const overlay = join(directory, 'overlay');
  await mkdir(overlay);
  const secrets = {
    gateway: { 'api-key': installation.apiKey },
    'temporal-tls': {
      'tls.crt': { file: fronts.client.certificate },
      'tls.key': { file: fronts.client.key },
      'ca.crt': { file: fronts.authority },
    },
    elasticsearch: { 'api-key': fronts.elasticsearchApiKey, 'ca.crt': { file: fronts.authority } },
    'payload-encryption': { keys: installation.payloadKeys, 'codec-token': installation.codecToken },
  };
  const { images: ours, packageIndex } = stack();
  const settings = {
    TEMPORAL_ADDRESS: fronts.temporalAddress,
    TEMPORAL_TASK_QUEUE: installation.taskQueue,
    ELASTICSEARCH_HOST: fronts.elasticsearchHost,
    ELASTICSEARCH_INDEX: installation.index,
    TEST_IMAGE: ours.test,
    PROGRAM_IMAGE: ours.program,
    DATABASE_IMAGE: ours.database,
    DATABASE_IMAGE_15: ours.database15,
    ...(packageIndex && { PACKAGE_INDEX_URL: packageIndex.url, PACKAGE_INDEX_CIDR: packageIndex.cidr }),
  };
  await writeFile(
    join(overlay, 'kustomization.yaml'),
    JSON.stringify({
      apiVersion: 'kustomize.config.k8s.io/v1beta1',
      kind: 'Kustomization',
      namespace: NAMESPACE,
      resources: [relative(overlay, OVERLAY)],
      images: Object.values(images).map((reference) => {
        const [name, newTag] = reference.split(/:(?=[^:/]+$)/);
        return { name, newTag };
      }),
      configMapGenerator: [
        {
          name: 'settings',
          behavior: 'merge',
          literals: Object.entries(settings).map(([name, value]) => `${name}=${value}`),
        },
      ],
      secretGenerator: await Promise.all(
        Object.entries(secrets).map(([name, entries]) => secret(overlay, name, entries)),
      ),
    }),
  );
  const remove = async () => {
    await kubectl('delete', '-k', overlay, '--ignore-not-found', '--wait=true', '--timeout=90s');
    await fronts.close();
    await rm(directory, { recursive: true });
  };
  try {
    await kubectl('apply', '-k', overlay);
    await rolledOut('gateway', 'worker', 'codec');
    const { codecToken, ...shown } = installation;
    const gateway = `ws://${await addressOf('gateway')}:8000/ws/code`;
    return {
      ...shown,
      url: gateway,
      codec: { url: `http://${await addressOf('codec')}:8234`, token: codecToken },
      remove,
    };
  } catch (error) {
    const said = await kubectl('describe', 'pods', '-n', NAMESPACE);
    const logs = await Promise.all(
      ['gateway', 'worker'].map((name) =>
        kubectl('logs', '-n', NAMESPACE, `deployment/${name}`, '--tail=20'),
      ),
    ).catch(String);
    await remove();
    throw new Error(`${String(error)}\n${said}\n${String(logs)}`, { cause: error });
  }
}

/** Waits until the Deployments have all their pods, only of the latest revision. */
export async function rolledOut(...names: string[]): Promise<void> {
  for (const name of names)
    await kubectl('rollout', 'status', `deployment/${name}`, '-n', NAMESPACE, '--timeout=150s');
}

/**
 * Replaces the pods of the Deployments one by one, as an upgrade does. Resolves when the old ones are gone.
 */
export async function roll(...names: string[]): Promise<void> {
  const pods = [
    'get',
    'pods',
    '-n',
    NAMESPACE,
    '-o',
    'name',
    '-l',
    `app.kubernetes.io/name in (${names.join()})`,
  ];
  const before = (await kubectl(...pods)).trim().split('\n');
  await kubectl('rollout', 'restart', '-n', NAMESPACE, ...names.map((name) => `deployment/${name}`));
  await rolledOut(...names);
  // A rollout does not wait for terminating pods, but clients are still connected to those of a gateway.
  await kubectl('wait', '--for=delete', ...before, '-n', NAMESPACE, '--timeout=150s');
}

async function addressOf(service: string): Promise<string> {
  return kubectl('get', 'service', service, '-n', NAMESPACE, '-o', 'jsonpath={.spec.clusterIP}');
}

/** Writes the files next to the overlay, because kustomize only reads those. */
async function secret(overlay: string, name: string, entries: Record<string, string | { file: string }>) {
  const files: string[] = [];
  for (const [key, value] of Object.entries(entries)) {
    const content = typeof value === 'string' ? value : await readFile(value.file, 'utf8');
    await writeFile(join(overlay, `${name}-${key}`), content, { mode: 0o600 });
    files.push(`${key}=${name}-${key}`);
  }
  return { name, files };
}

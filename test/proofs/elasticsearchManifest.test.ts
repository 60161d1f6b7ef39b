import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@elastic/elasticsearch';
import { runCommand } from '../../local-stack/machine/command';
import { readSettings } from '../../local-stack/settings';
import { createActionLog } from '../../infrastructure/elasticsearch/actionLog';
import { loadElasticsearchImage } from './elasticsearchImage';
import { kubectl } from '../integration/kubectl';
import { runScript } from '../integration/script';

/** The manifests of Elasticsearch work on the local cluster, with an image that is built here. */

const MANIFEST = 'infrastructure/elasticsearch.yaml';
const SECURED = 'infrastructure/secured/elasticsearch.yaml';
const NAMESPACE = ['-n', 'orchestration-system'];
let folder: string;

beforeAll(async () => {
  const [, image] = /image: (\S+)/.exec(readFileSync(MANIFEST, 'utf8')) ?? [];
  await loadElasticsearchImage(image!);
  folder = await mkdtemp(join(tmpdir(), 'manifest-'));
}, 600_000);

/** The namespace itself belongs to the stack, so only these objects are deleted. */
afterEach(async () => {
  const kinds = 'statefulset,service,networkpolicy,configmap,persistentvolumeclaim';
  await kubectl(
    'delete',
    kinds,
    '-l',
    'app=elasticsearch',
    ...NAMESPACE,
    '--ignore-not-found',
    '--timeout=120s',
  );
}, 180_000);

afterAll(() => rm(folder, { recursive: true }));

/** Makes Elasticsearch create indices on a disk that is almost full. */
const ON_A_FULL_DISK = "- { name: cluster.routing.allocation.disk.threshold_enabled, value: 'false' }";

/** Its own policy permits only the pods that use it. */
const REACHED_BY_TEST = {
  apiVersion: 'networking.k8s.io/v1',
  kind: 'NetworkPolicy',
  metadata: {
    name: 'elasticsearch-test',
    namespace: 'orchestration-system',
    labels: { app: 'elasticsearch' },
  },
  spec: {
    podSelector: { matchLabels: { app: 'elasticsearch' } },
    policyTypes: ['Ingress'],
    ingress: [{ from: [{ ipBlock: { cidr: `${readSettings().network.hostAddress}/32` } }] }],
  },
};

/** Applies a manifest, adapted to the heap, memory and disk of a small machine. */
async function applySmall(path: string): Promise<void> {
  const small = readFileSync(path, 'utf8')
    .replace(/^( +)- \{ name: discovery\.type.*$/m, `$&\n$1${ON_A_FULL_DISK}`)
    .replace(/-Xms\w+ -Xmx\w+/, '-Xms256m -Xmx256m')
    .replace(/memory: 4Gi/g, 'memory: 1Gi');
  const manifest = join(folder, 'elasticsearch.yaml');
  await writeFile(manifest, small);
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', manifest);
  await writeFile(manifest, JSON.stringify(REACHED_BY_TEST));
  await kubectl('apply', '--server-side', '-f', manifest);
}

/**
 * Waits for the pod itself: right after a deletion, the StatefulSet's status still describes the old pod.
 * @returns its address
 */
async function isReady(): Promise<string> {
  const wait = (what: string) =>
    kubectl('wait', `--for=${what}`, 'pod/elasticsearch-0', ...NAMESPACE, '--timeout=400s');
  await wait('create');
  await wait('condition=Ready');
  const address = await kubectl(
    'get',
    'pod',
    'elasticsearch-0',
    ...NAMESPACE,
    '-o',
    'jsonpath={.status.podIP}',
  );
  return `${address}:9200`;
}

test('it becomes ready, takes actions, and has them when its pod was replaced', async () => {
  await applySmall(MANIFEST);
  const log = createActionLog({ node: `http://${await isReady()}`, index: 'actions' });
  const documents = [{ _id: 'w:r:0', '@timestamp': new Date().toISOString(), message: 'kept' }];
  expect(await log.write(documents)).toEqual({ stored: 1, known: 0, rejected: 0 });
  await log.close();

  await kubectl('delete', 'pod', 'elasticsearch-0', ...NAMESPACE);
  const client = new Client({ node: `http://${await isReady()}` });
  // A pod becomes ready before all its indices have been loaded from disk.
  await client.cluster.health({ index: 'actions', wait_for_status: 'yellow', timeout: '60s' });
  const { _source } = await client.get<{ message: string }>({ index: 'actions', id: 'w:r:0' });
  expect(_source?.message).toBe('kept');
  await client.close();
}, 900_000);

test('with security, it takes TLS and passwords alone, and lets nobody change what is stored', async () => {
  const file = (name: string) => join(folder, name);
  const subject = ['-subj', '/CN=elasticsearch', '-addext', 'subjectAltName=DNS:elasticsearch'];
  const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1'];
  await runCommand('openssl', [
    'req',
    ...kind,
    '-keyout',
    file('tls.key'),
    '-out',
    file('tls.crt'),
    ...subject,
  ]);
  const { output } = await runScript('operations/elasticsearchUsers.ts', [], {});
  await writeFile(file('users.json'), output);
  const secrets = ['elasticsearch-tls', 'elasticsearch-users', 'elasticsearch-passwords'];
  const removeSecrets = async () => {
    await kubectl('delete', 'secret', ...secrets, ...NAMESPACE, '--ignore-not-found');
    await kubectl('delete', 'secret', 'fluentd-elasticsearch', '-n', 'kube-system', '--ignore-not-found');
  };
  try {
    await kubectl('apply', '-f', file('users.json'));
    const files = ['tls.key', 'tls.crt'].map((name) => `--from-file=${file(name)}`);
    const ca = `--from-file=ca.crt=${file('tls.crt')}`;
    await kubectl('create', 'secret', 'generic', 'elasticsearch-tls', ...files, ca, ...NAMESPACE);
    await applySmall(SECURED);
    const address = await isReady();
    const { items } = JSON.parse(output) as { items: { stringData: Record<string, string> }[] };
    const { orchestration: password = '', fluentd = '' } = items[1]!.stringData;
    const connect = async (username: string, secret: string) =>
      new Client({
        node: `https://${address}`,
        auth: { username, password: secret },
        tls: { ca: await readFile(file('tls.crt')), servername: 'elasticsearch' },
        maxRetries: 0,
      });
    const worker = await connect('orchestration', password);
    const index = 'orchestration-actions';
    await worker.create({ index, id: 'w:r:0', document: { message: 'kept' }, refresh: true });
    expect((await worker.count({ index })).count).toBe(1);
    await expect(worker.index({ index, id: 'w:r:0', document: {} })).rejects.toMatchObject({
      statusCode: 403,
    });
    await expect(worker.delete({ index, id: 'w:r:0' })).rejects.toMatchObject({ statusCode: 403 });
    await expect(worker.indices.delete({ index })).rejects.toMatchObject({ statusCode: 403 });
    const forwarder = await connect('fluentd', fluentd);
    await forwarder.create({
      index: 'orchestration-logs-2026.01.01',
      id: '1',
      document: { message: 'a line' },
    });
    await expect(forwarder.search({ index })).rejects.toMatchObject({ statusCode: 403 });
    const stranger = await connect('orchestration', 'wrong');
    await expect(stranger.count({ index })).rejects.toMatchObject({ statusCode: 401 });
    await expect(fetch(`http://${address}`)).rejects.toThrow();
    await Promise.all([worker.close(), forwarder.close(), stranger.close()]);
  } finally {
    await removeSecrets();
  }
}, 900_000);

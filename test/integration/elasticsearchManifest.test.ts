import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@elastic/elasticsearch';
import { createActionLog } from '../../infrastructure/elasticsearch/actionLog';
import { loadElasticsearchImage } from './elasticsearchImage';
import { kubectl } from './kubectl';

/** infrastructure/elasticsearch.yaml runs on the local cluster, from an image that is built here. */

const MANIFEST = 'infrastructure/elasticsearch.yaml';
const NAMESPACE = ['-n', 'orchestration-system'];
let folder: string;

beforeAll(async () => {
  const [, image] = /image: (\S+)/.exec(readFileSync(MANIFEST, 'utf8')) ?? [];
  await loadElasticsearchImage(image!);
  folder = await mkdtemp(join(tmpdir(), 'manifest-'));
}, 600_000);

afterAll(async () => {
  // The namespace is the stack's own.
  const kinds = 'statefulset,service,networkpolicy,persistentvolumeclaim';
  await kubectl(
    'delete',
    kinds,
    '-l',
    'app=elasticsearch',
    ...NAMESPACE,
    '--ignore-not-found',
    '--timeout=120s',
  );
  await rm(folder, { recursive: true });
}, 180_000);

async function isReady(): Promise<string> {
  await kubectl('rollout', 'status', 'statefulset/elasticsearch', ...NAMESPACE, '--timeout=400s');
  const address = await kubectl(
    'get',
    'pod',
    'elasticsearch-0',
    ...NAMESPACE,
    '-o',
    'jsonpath={.status.podIP}',
  );
  return `http://${address}:9200`;
}

test('it becomes ready, takes actions, and has them when its pod was replaced', async () => {
  const manifest = join(folder, 'elasticsearch.yaml');
  const small = readFileSync(MANIFEST, 'utf8').replace('-Xms512m -Xmx512m', '-Xms256m -Xmx256m');
  await writeFile(manifest, small);
  await kubectl('apply', '--server-side', '--force-conflicts', '-f', manifest);
  const log = createActionLog({ node: await isReady(), index: 'actions' });
  const documents = [{ _id: 'w:r:0', '@timestamp': new Date().toISOString(), message: 'kept' }];
  expect(await log.write(documents)).toEqual({ stored: 1, known: 0, rejected: 0 });
  await log.close();

  await kubectl('delete', 'pod', 'elasticsearch-0', ...NAMESPACE);
  const client = new Client({ node: await isReady() });
  const { _source } = await client.get<{ message: string }>({ index: 'actions', id: 'w:r:0' });
  expect(_source?.message).toBe('kept');
  await client.close();
}, 900_000);

import { Client as Elasticsearch } from '@elastic/elasticsearch';
import { Client as Temporal, Connection } from '@temporalio/client';
import { readConfig } from '../../infrastructure/config/config';
import { rejectedIndexOf } from '../../infrastructure/elasticsearch/actionsTemplate';
import { converterOf } from '../../infrastructure/temporal/connection';
import { Client } from '../integration/client';
import { install, roll, type Installation } from './installed/installation';
import { submitPersistently, type Seen } from './installed/persistently';
import { removeUsers, namesOf, podsOf } from '../integration/kubectl';
import { stack } from '../integration/stack';

/**
 * The platform, installed in the cluster from its images and its overlay: two gateways and two workers, which
 * use mTLS for Temporal and TLS with an API key for Elasticsearch, and encrypt the data in Temporal.
 */

const SYSTEM = 'orchestration-system';
const LOADED = ['rolled-a', 'rolled-b'];
/**
 * Its submissions are queued, so that clients of the last ones stay connected until all pods are replaced.
 */
const QUEUED = 'rolled-queue';
const QUEUE = 6;
const users = [...LOADED, QUEUED];
let platform: Installation;
let connection: Connection;
let temporal: Temporal;
let elasticsearch: Elasticsearch;

beforeAll(async () => {
  platform = await install();
  connection = await Connection.connect({ address: stack().temporalAddress });
  const { PAYLOAD_KEYS } = readConfig(['PAYLOAD_KEYS'], { PAYLOAD_KEYS: platform.payloadKeys });
  temporal = new Temporal({ connection, dataConverter: converterOf(PAYLOAD_KEYS) });
  elasticsearch = new Elasticsearch({ node: stack().elasticsearchHost });
}, 900_000); // For a machine that has never built the images.

afterAll(async () => {
  await platform?.remove();
  if (temporal) {
    for (const name of [platform.index, rejectedIndexOf(platform.index)]) {
      await elasticsearch.indices.delete({ index: name, ignore_unavailable: true });
      await elasticsearch.indices.deleteIndexTemplate({ name }, { ignore: [404] });
    }
    for await (const { workflowId } of temporal.workflow.list({
      query: `${ours()} AND ExecutionStatus = 'Running'`,
    }))
      await temporal.workflow.getHandle(workflowId).terminate('the test is over');
  }
  await Promise.all([connection?.close(), elasticsearch?.close()]);
  for (const user of users) await removeUsers(user);
}, 180_000);

const ours = () => `TaskQueue = '${platform.taskQueue}'`;

const podsNamed = async (name: string) =>
  (await podsOf(SYSTEM)).filter(({ metadata }) => metadata.labels['app.kubernetes.io/name'] === name);

test('two of each serve the contract through the Service', async () => {
  expect(await podsNamed('gateway')).toHaveLength(2);
  expect(await podsNamed('worker')).toHaveLength(2);
  const client = await Client.connect(platform, '?progress=false');
  expect(await client.submit('test', "print('broken'")).toMatchObject({
    status: 'tests_failed',
    namespace: 'user-test',
  });
  expect(await client.submit('test', "print('Hello')")).toMatchObject({
    status: 'deployed',
    namespace: 'user-test',
  });
  await client.close();
  expect(namesOf(await podsOf('user-test'))).toEqual(['test-prod-*', 'test-prod-db-0', 'test-test']);
});

test('the codec server shows what Temporal keeps', async () => {
  const [{ workflowId }] = await firstOf(
    temporal.workflow.list({ query: `${ours()} AND WorkflowType = 'submitCode'` }),
  );
  const { events } = await temporal.workflow.getHandle(workflowId).fetchHistory();
  const payloads = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads ?? [];
  expect(Buffer.from(payloads[0]!.data!).toString('latin1')).not.toContain('print');
  const { url, token } = platform.codec;
  const asked = { method: 'POST', body: JSON.stringify({ payloads }) };
  expect((await fetch(`${url}/decode`, asked)).status).toBe(401);
  const answer = await fetch(`${url}/decode`, { ...asked, headers: { Authorization: `Bearer ${token}` } });
  const decoded = (await answer.json()) as { payloads: { data: string }[] };
  expect(Buffer.from(decoded.payloads[0]!.data, 'base64').toString()).toContain('print(');
});

test('while every pod is replaced under load, each submission comes to one end, and none is lost', async () => {
  const before = await uids();
  // Creates the users' environments, so that the load consists of submissions only.
  const first = await Promise.all(
    users.map((user) => submitPersistently(platform, submissionOf(user, 'first-failed'))),
  );
  let isOver = false;
  const seen: Seen[] = [];
  const load = LOADED.flatMap((user) => [0, 1].map((lane) => submitUntil(() => isOver, user, lane, seen)));
  const queue = Array.from({ length: QUEUE }, async (_, place) => {
    seen.push(await submitPersistently(platform, submissionOf(QUEUED, `${place}-failed`, 6)));
  });
  const started = Date.now();
  try {
    await roll('gateway', 'worker');
  } finally {
    isOver = true;
  }
  const seconds = (Date.now() - started) / 1000;
  await Promise.all([...load, ...queue]);
  const breaks = seen.reduce((sum, { breaks }) => sum + breaks, 0);
  console.log(
    `${seen.length} submissions in ${seconds.toFixed(0)} s of replacing, ${breaks} connections broken`,
  );

  const after = await uids();
  expect(after).toHaveLength(before.length);
  expect(after.filter((uid) => before.includes(uid))).toEqual([]);

  expect(breaks).toBeGreaterThan(0); // Otherwise nothing was tested.
  for (const { frames } of seen) {
    const finals = frames.filter((frame) => 'status' in frame);
    const expected = isDeployed(String(finals[0]?.submission_id)) ? 'deployed' : 'tests_failed';
    expect(finals.map(({ status }) => status)).toEqual([expected]);
    const cursors = frames.flatMap(({ cursor }) => cursor ?? []);
    expect(new Set(cursors).size).toBe(cursors.length);
  }
  const all = [...first, ...seen].map(({ submissionId }) => submissionId);
  expect(await recorded(all.length)).toEqual(all.sort());
}, 400_000);

/** Submits sequentially until `isOver`. In the first lane, every fifth submission is deployed. */
async function submitUntil(isOver: () => boolean, user: string, lane: number, seen: Seen[]): Promise<void> {
  for (let count = 0; !isOver(); count++) {
    const kind = lane === 0 && count % 5 === 1 ? 'deployed' : 'failed';
    seen.push(await submitPersistently(platform, submissionOf(user, `${lane}-${count}-${kind}`)));
  }
}

/** A submission that prints while it runs. */
function submissionOf(user_id: string, name: string, seconds = 1) {
  const submission_id = `${platform.taskQueue}-${user_id}-${name}`;
  const end = isDeployed(submission_id) ? '' : 'raise SystemExit(1)';
  const code = `import time\nfor n in range(4):\n    print(n, flush=True)\n    time.sleep(${seconds / 4})\n${end}`;
  return { user_id, code, submission_id };
}

function isDeployed(submissionId: string): boolean {
  return submissionId.endsWith('-deployed');
}

async function uids(): Promise<string[]> {
  return [...(await podsNamed('gateway')), ...(await podsNamed('worker'))].map(
    ({ metadata }) => metadata.uid,
  );
}

/** Ids of these users' submissions whose end is stored in Elasticsearch, with duplicates. */
async function recorded(count: number): Promise<string[]> {
  for (;;) {
    await elasticsearch.indices.refresh({ index: platform.index });
    const { hits } = await elasticsearch.search<{ submission: { id: string } }>({
      index: platform.index,
      size: 10_000,
      query: {
        bool: {
          filter: [{ term: { 'event.action': 'submission.finished' } }, { terms: { 'user.id': users } }],
        },
      },
    });
    // The last actions are stored after their verdicts; the test's timeout limits the wait.
    if (hits.hits.length >= count) return hits.hits.map(({ _source }) => _source!.submission.id).sort();
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function firstOf<T>(list: AsyncIterable<T>): Promise<[T]> {
  for await (const item of list) return [item];
  throw new Error('The list is empty.');
}

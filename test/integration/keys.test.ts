import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { nodeProcess } from '../build';
import { actionsOf } from './actions';
import { Client } from './client';
import { eventually } from './eventually';
import { kubectl, removeUsers } from './kubectl';
import { startPlatform, type Platform } from './platform';
import { stack } from './stack';

/** Keys: from the operator's command to two gateways, through the cluster's real Secrets. */

const run = promisify(execFile);
const USER = 'keys-alice';

let platform: Platform;
let second: string;

beforeAll(async () => {
  platform = await startPlatform();
  second = await platform.startGateway();
});

afterAll(async () => {
  await platform?.stop();
  await removeUsers(USER, 'keys-bob');
});

interface Made {
  id: string;
  key: string;
}

/** Runs `npm run keys` as an operator does. */
async function keys(...args: string[]): Promise<string> {
  const { kubeconfig, kubeContext, elasticsearchHost } = stack();
  const { stdout } = await run(process.execPath, [...nodeProcess('operations/keys.ts').args, ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      KUBECONFIG: kubeconfig,
      KUBE_CONTEXT: kubeContext,
      ELASTICSEARCH_HOST: elasticsearchHost,
      ELASTICSEARCH_INDEX: platform.index,
    },
  });
  return stdout;
}

async function create(...args: string[]): Promise<Made> {
  const [made = ''] = (await keys('create', ...args)).split('\n{', 1);
  return JSON.parse(made) as Made;
}

/** Connects as soon as the gateway accepts the key; the test's timeout limits the wait. */
async function connect(url: string, apiKey: string): Promise<Client> {
  for (;;) {
    const client = await Client.connect({ url, apiKey }).catch((error: Error) => error);
    if (client instanceof Client) return client;
    if (!/401/.test(client.message)) throw client;
    await wait(100);
  }
}

test('a key works on every gateway for its user only, and ends at once on each when it is revoked', async () => {
  const { id, key } = await create(USER, '--expires', '1h', '--note', 'a test');
  const stored = await kubectl('get', 'secret', `key-${id}`, '-n', 'orchestration-keys', '-o', 'json');
  expect(stored).not.toContain(Buffer.from(key).toString('base64'));
  expect(await keys('list', USER)).toContain(id);
  expect(await keys('list', USER)).not.toContain(key);

  const clients = [await connect(platform.url, key), await connect(second, key)];
  const [client, other] = clients as [Client, Client];
  expect(await other.submit('keys-bob', '')).toMatchObject({ code: 'forbidden', field: 'user_id' });

  const submission_id = randomUUID();
  client.send({ user_id: USER, code: 'raise SystemExit(3)', submission_id });
  expect(await client.frame((frame) => 'status' in frame)).toMatchObject({ status: 'tests_failed' });

  const admin = await Client.connect(platform);
  const ofOther = randomUUID();
  admin.send({ user_id: 'keys-bob', code: 'raise SystemExit(3)', submission_id: ofOther });
  await admin.frame((frame) => 'status' in frame);
  other.frames.length = 0;
  other.send({ type: 'resume', submission_id: ofOther });
  expect(await other.frame(({ type }) => type === 'error')).toMatchObject({ code: 'not_found' });

  const revokedAt = Date.now();
  const closed = Promise.all(clients.map(async (each) => (await each.closed()).code));
  await keys('revoke', id);
  expect(await closed).toEqual([4003, 4003]);
  console.log(`closed on both gateways ${Date.now() - revokedAt} ms after the command began`);
  for (const url of [platform.url, second])
    await expect(Client.connect({ url, apiKey: key })).rejects.toThrow('401');

  await eventually(async () => expect(await actionsOf(platform, submission_id)).not.toEqual([]));
  const actions = await actionsOf(platform, submission_id);
  expect(actions[0]).toMatchObject({ key: { id } });
  expect(JSON.stringify(actions)).not.toContain(key);
  await admin.close();
});

test('a key that expires closes its connections', async () => {
  const { id, key } = await create(USER, '--expires', '20s');
  const client = await connect(platform.url, key);
  expect((await client.closed()).code).toBe(4003);
  await keys('revoke', id);
});

test('the gateway can read keys and not make them; the worker can do neither', async () => {
  const { gatewayKubeconfig, workerKubeconfig } = stack();
  const as = async (kubeconfig: string, ...args: string[]) =>
    kubectl('--kubeconfig', kubeconfig, '-n', 'orchestration-keys', ...args).then(
      () => 'allowed',
      (error: Error) => error.message,
    );
  const make = ['create', 'secret', 'generic', `made-${Date.now()}`];
  expect(await as(gatewayKubeconfig, 'get', 'secrets')).toBe('allowed');
  expect(await as(gatewayKubeconfig, ...make)).toMatch(/forbidden/i);
  expect(await as(workerKubeconfig, 'get', 'secrets')).toMatch(/forbidden/i);
  expect(await as(workerKubeconfig, ...make)).toMatch(/keys and plans are made and revoked by operators/);
});

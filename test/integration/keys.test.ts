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
  const { operationsKubeconfig, kubeContext, elasticsearchHost } = stack();
  const { stdout } = await run(process.execPath, [...nodeProcess('operations/keys.ts').args, ...args], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      KUBECONFIG: operationsKubeconfig,
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

  const actions = await actionsOf(platform, submission_id);
  expect(actions[0]).toMatchObject({ key: { id } });
  expect(JSON.stringify(actions)).not.toContain(key);
  await admin.close();
});

test('an id that another user has used is free, and gets the same answers as an unused one', async () => {
  const [alice, bob] = [await create(USER, '--expires', '1h'), await create('keys-bob', '--expires', '1h')];
  const http = (url: string) => url.replace(/^ws/, 'http').replace('/ws/code', '');
  const call = async ({ key }: Made, method: string, path: string, body?: object, url = platform.url) => {
    const begun = performance.now();
    const response = await fetch(`${http(url)}/api/${path}`, {
      method,
      headers: { 'X-API-Key': key, 'Content-Type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, ms: performance.now() - begun };
  };
  for (const { key } of [alice, bob])
    for (const url of [platform.url, second]) await (await connect(url, key)).close();

  const submission_id = `mine-${randomUUID()}`;
  const submission = (user_id: string) => ({
    user_id,
    code: 'raise SystemExit(3)',
    submission_id,
    deploy: false,
  });
  const submit = (made: Made, user: string, url?: string) =>
    call(made, 'POST', 'submissions?wait=50', submission(user), url);
  const both = await Promise.all([submit(alice, USER), submit(alice, USER, second)]);
  const [first, again] = both.map(({ text }) => JSON.parse(text) as { run_id: string; workflow_id: string });
  expect(first).toMatchObject({ status: 'tests_failed', user_id: USER, submission_id });
  expect(again?.run_id).toBe(first?.run_id);

  const times: Record<string, number[]> = { taken: [], unknown: [] };
  for (let round = 0; round < 40; round++)
    for (const [name, id] of [
      ['taken', submission_id],
      ['unknown', `mine-${randomUUID()}`],
    ] as const) {
      const { status, text, ms } = await call(bob, 'GET', `submissions/${id}`);
      expect([status, text.replaceAll(id, 'ID')]).toEqual([
        404,
        expect.stringContaining('no submission ID,'),
      ]);
      times[name]?.push(ms);
    }
  const median = (name: string) => times[name]?.sort((one, other) => one - other)[20];
  console.log(`another user's id: ${median('taken')} ms, an unknown one: ${median('unknown')} ms`);
  const rollback = (id: string) => call(bob, 'POST', 'users/keys-bob/rollback', { submission_id: id });
  const refused = [await rollback(submission_id), await rollback(`mine-${randomUUID()}`)];
  expect(refused.map(({ status }) => status)).toEqual([409, 409]);
  expect(refused[0]?.text).toContain(`There is no submission ${submission_id} of keys-bob`);

  expect(JSON.parse((await submit(bob, 'keys-bob')).text)).toMatchObject({
    ...{ status: 'tests_failed', user_id: 'keys-bob', submission_id },
    workflow_id: `submission-${submission_id}.keys-bob`,
  });
  const admin = { id: '', key: platform.apiKey };
  const found = await call(admin, 'GET', `submissions/${submission_id}.${USER}`);
  expect(JSON.parse(found.text)).toMatchObject({ user_id: USER, run_id: first?.run_id });
  await eventually(async () =>
    expect((await call(admin, 'GET', `submissions/${submission_id}`)).status).toBe(409),
  );
  await Promise.all([alice, bob].map(({ id }) => keys('revoke', id)));
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
  expect(await as(workerKubeconfig, ...make)).toMatch(/forbidden/i);
});

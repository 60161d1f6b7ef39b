import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, type Frame } from './client';
import {
  addressOf,
  answerOf,
  expectNothingElse,
  failsInProduction,
  rowsOf,
  server,
  submit,
  submitted,
  Users,
} from './deployed';
import { kubectl, podsOf } from './kubectl';
import { startPlatform, type Platform } from './platform';

/**
 * Deployments from the frame to the pod, with concurrent submissions and failing components. After each test,
 * the live program answers, nothing else is left, and the row that was written before still exists.
 */

let platform: Platform;
const users = new Users('dep');
const user = users.another();

beforeAll(async () => {
  platform = await startPlatform();
});

afterAll(async () => {
  await platform?.stop();
  await users.remove();
});

test('a serving program is replaced while requests come in, and none of them fails', async () => {
  expect(await submit(platform, user, server('one'))).toMatchObject({ status: 'deployed' });
  const address = await addressOf(user);
  const answers = new Map<string, number>();
  const over = new AbortController();
  // A separate connection per request, as from many clients: a persistent one would never reach the new pod.
  const requests = [1, 2, 3, 4].map(async () => {
    while (!over.signal.aborted) {
      const response = await fetch(address, { headers: { connection: 'close' } });
      const answer = response.ok ? await response.text() : `status ${response.status}`;
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  });
  expect(await submit(platform, user, server('two'))).toMatchObject({ status: 'deployed' });
  await wait(3_000); // The old pod stops serving within this time.
  over.abort();
  await Promise.all(requests);
  console.log(`requests during the deploy: ${JSON.stringify(Object.fromEntries(answers))}`);
  expect([...answers.keys()].sort()).toEqual(['one', 'two']);
  expect(await answerOf(user)).toBe('two');
  expect(await rowsOf(user)).toEqual(['one', 'two']);
  await expectNothingElse(user);
});

test('ten good submissions of one user at once: the last accepted is live, the others say what replaced them', async () => {
  const client = await Client.connect(platform, '?progress=false');
  const ids = Array.from({ length: 10 }, (_, index) => `${user}-${index}-${randomUUID().slice(0, 8)}`);
  for (const [index, submission_id] of ids.entries())
    client.send({ user_id: user, code: server(`number ${index}`), submission_id });
  const finals: Frame[] = [];
  for (const id of ids)
    finals.push(await client.frame((frame) => 'status' in frame && frame.submission_id === id));
  await client.close();
  const statuses = finals.map(({ status }) => String(status));
  console.log(`ten at once: ${statuses.join(' ')}`);
  expect(statuses.at(-1)).toBe('deployed');
  for (const status of statuses) expect(['deployed', 'superseded']).toContain(status);
  expect(await answerOf(user)).toBe('number 9');
  expect(await rowsOf(user)).toEqual(expect.arrayContaining(['one', 'two', 'number 9']));
  await expectNothingElse(user);
});

test('the same submission sent twice at once is carried out once', async () => {
  const id = randomUUID();
  const [one, other] = await Promise.all([1, 2].map(() => submit(platform, user, server('once'), id)));
  expect(one).toMatchObject({ status: 'deployed' });
  expect(other).toEqual(one);
  expect(await answerOf(user)).toBe('once');
  await expectNothingElse(user);
});

test('a worker that is killed in the middle of a rollout and of a way back is replaced by another', async () => {
  const another = users.another();
  const first = await submitted(platform, another, server('survived'), 'await_rollout');
  await platform.worker.stop('SIGKILL');
  const second = await platform.startWorker();
  expect(await first.final()).toMatchObject({ status: 'deployed' });

  const failing = await submitted(platform, another, failsInProduction, 'roll_back');
  await second.stop('SIGKILL');
  await platform.startWorker();
  const final = await failing.final();
  expect(final).toMatchObject({ status: 'deploy_failed', reason: 'crash_loop' });
  expect(final.live).not.toBeNull();
  expect(await answerOf(another)).toBe('survived');
  expect(await rowsOf(another)).toEqual(['survived']);
  await expectNothingElse(another);
});

test('a server that dies after 20 s was deployed, is started again, and is replaced by the next one', async () => {
  const dying = `import os, threading\nif os.environ.get("DATABASE_URL"): threading.Timer(20, os._exit, [9]).start()\n`;
  expect(await submit(platform, user, dying + server('dies'))).toMatchObject({ status: 'deployed' });
  // The pod of the previous program may still be terminating.
  const pods = await podsOf(`user-${user}`);
  const { metadata } = pods.find(({ metadata }) => metadata.labels.component === 'program')!;
  const waitForPod = ['wait', `pod/${metadata.name}`, '-n', `user-${user}`, '--timeout=60s'];
  await kubectl(...waitForPod, '--for=jsonpath={.status.containerStatuses[0].restartCount}=1');
  await kubectl(...waitForPod, '--for=condition=Ready');
  expect(await answerOf(user)).toBe('dies');
  expect(await submit(platform, user, server('lives'))).toMatchObject({ status: 'deployed' });
  expect(await answerOf(user)).toBe('lives');
  expect(await rowsOf(user)).toEqual(expect.arrayContaining(['dies', 'lives']));
  await expectNothingElse(user);
});

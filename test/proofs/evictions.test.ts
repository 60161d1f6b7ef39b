import { connectKubernetes } from '../../infrastructure/kubernetes/api/client';
import { sweepEvicted } from '../../infrastructure/kubernetes/evictions';
import { inspectProduction } from '../../infrastructure/kubernetes/production/inspect';
import { productionPods } from '../../infrastructure/kubernetes/production/pods';
import { httpUrl } from '../integration/contract';
import { answerOf, server, submit, Users } from '../integration/deployed';
import { eventually } from '../integration/eventually';
import { kubectl } from '../integration/kubectl';
import { startPlatform, type Platform } from '../integration/platform';
import { stack } from '../integration/stack';

/** A program that fills its disk is evicted, comes back a few times, and is then stopped. */

const users = new Users('evict');
let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
});

afterAll(async () => {
  await platform?.stop();
  await users.remove();
});

const kubeOfWorker = () =>
  connectKubernetes({ kubeconfig: stack().workerKubeconfig, context: stack().kubeContext });

/** In production, serves at first, and then writes 200 MiB to /tmp, which may have 128. */
const FILLING = `
import os, threading, time
def fill():
    time.sleep(8)
    for n in range(200):
        with open(f"/tmp/{n}", "wb") as file: file.write(b"x" * 1048576)
if os.environ.get("DATABASE_URL"): threading.Thread(target=fill).start()
${server('filling')}`;

const MINUTE_MS = 60_000;

test('it says why and with which limit, is stopped after three times, and others are untouched', async () => {
  const [filling, other] = [users.another(), users.another()];
  const kube = kubeOfWorker();
  expect(await submit(platform, other, server('untouched'))).toMatchObject({ status: 'deployed' });
  const [before] = (await productionPods(kube, other)).filter(({ component }) => component === 'program');
  const verdict = await submit(platform, filling, FILLING);
  expect(verdict).toMatchObject({ status: 'deployed' });

  const failing = async () =>
    (await productionPods(kube, filling)).filter(({ state }) => state === 'failing');
  await eventually(async () => expect(await failing()).not.toEqual([]), 4 * MINUTE_MS);
  expect((await failing())[0]?.message).toMatch(
    /evicted because .* volume "tmp" exceeds the limit "128Mi"\./,
  );

  await eventually(async () => {
    await sweepEvicted(kube, `orchestration-app/user=${filling}`);
    expect(await inspectProduction(kube, filling)).toMatchObject({
      state: 'not_ready',
      live: { submissionId: verdict.submission_id },
    });
    const replicas = await kubectl(
      ...['get', 'deployment', `${filling}-prod`, '-n', `user-${filling}`, '-o', 'jsonpath={.spec.replicas}'],
    );
    expect(replicas).toBe('0');
  }, 8 * MINUTE_MS);
  const logs = await fetch(`${httpUrl(platform.url)}/api/users/${filling}/logs`, {
    headers: { 'X-API-Key': platform.apiKey },
  });
  expect([logs.status, (await logs.text()).includes('# ')]).toEqual([200, false]);
  const left = await failing();
  console.log(`evicted pods that are left: ${left.length}`);
  expect(left.length).toBeLessThanOrEqual(4);

  const [after] = (await productionPods(kube, other)).filter(({ component }) => component === 'program');
  expect(after).toEqual(before);
  expect(await answerOf(other)).toBe('untouched');

  expect(await submit(platform, filling, server('back'))).toMatchObject({ status: 'deployed' });
  expect(await answerOf(filling)).toBe('back');
  expect(await failing()).toEqual([]);
  expect(await inspectProduction(kube, filling)).toMatchObject({ state: 'ready' });
}, 900_000);

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { connectKubernetes } from '../../infrastructure/kubernetes/api/client';
import { sweepEvicted } from '../../infrastructure/kubernetes/evictions';
import { inspectProduction } from '../../infrastructure/kubernetes/production/inspect';
import { productionPods } from '../../infrastructure/kubernetes/production/pods';
import { httpUrl } from './contract';
import { answerOf, server, submit, Users } from './deployed';
import { eventually } from './eventually';
import { readSettings, statePaths } from '../../local-stack/settings';
import { kubectl } from './kubectl';
import { sharedPlatform } from './platform';
import { stack } from './stack';

/** A program that fills its disk is evicted, comes back a few times, and is then stopped. */

const users = new Users('evict');
const platform = sharedPlatform();

afterAll(() => users.remove());

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

/** In production, serves, and prints as fast as it can. */
const PRINTING = `
import os, sys, threading
def fill():
    line = "x" * 1000 + "\\n"
    while True: sys.stdout.write(line * 100)
if os.environ.get("DATABASE_URL"): threading.Thread(target=fill, daemon=True).start()
${server('printing')}`;

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

/** Bytes of the logs that the node has of a user's pods. */
async function logBytesOf(user: string): Promise<number> {
  const folder = join(statePaths(readSettings()).node, 'pod-logs');
  const pods = (await readdir(folder)).filter((name) => name.startsWith(`user-${user}_`));
  const names = await Promise.all(
    pods.map(async (pod) =>
      (await readdir(join(folder, pod), { recursive: true })).map((name) => join(folder, pod, name)),
    ),
  );
  const sizes = names.flat().map(async (name) => (await stat(name).catch(() => null))?.size ?? 0);
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0);
}

test('a log that grows faster than it is rotated ends its pod, and is deleted with it', async () => {
  const user = users.another();
  expect(await submit(platform, user, PRINTING)).toMatchObject({ status: 'deployed' });
  const kube = kubeOfWorker();
  let most = 0;
  const failing = async () => (await productionPods(kube, user)).filter(({ state }) => state === 'failing');
  await eventually(async () => {
    most = Math.max(most, await logBytesOf(user).catch(() => 0));
    await sweepEvicted(kube, `orchestration-app/user=${user}`);
    expect(await inspectProduction(kube, user)).toMatchObject({ state: 'not_ready' });
    expect((await failing()).length).toBeGreaterThanOrEqual(3);
  }, 3 * MINUTE_MS);
  console.log(`at most ${Math.round(most / 1_048_576)} MiB of log at a time`);
  for (const { message } of await failing()) expect(message).toMatch(/evicted because .* exceed/);
  await eventually(async () => expect(await logBytesOf(user)).toBeLessThan(100 * 1_048_576), MINUTE_MS);
}, 400_000);

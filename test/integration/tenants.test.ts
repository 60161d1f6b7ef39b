import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { nodeProcess } from '../build';
import { connectKubernetes } from '../../infrastructure/kubernetes/api/client';
import { createEnvironments } from '../../infrastructure/kubernetes/environment/environments';
import { Users } from './deployed';
import { kubectl } from './kubectl';
import { stack } from './stack';

/**
 * Limits of a user's plan, placement of test pods, and the maximum number of users, with the worker's rights.
 */

const users = new Users('tenant');
const PLANS = { default: { pods: 8 }, large: { pods: 12, cpus: 16 } };

afterAll(async () => {
  await kubectl(
    'delete',
    'configmap',
    '-n',
    'orchestration-keys',
    '-l',
    `orchestration-app/user in (${made.join(',')})`,
  );
  await users.remove();
});

const made: string[] = [];
function another(): string {
  const user = users.another();
  made.push(user);
  return user;
}

function ensure(user: string, settings: object = {}) {
  const { workerKubeconfig: kubeconfig, kubeContext: context, images } = stack();
  const kube = connectKubernetes({ kubeconfig, context });
  const call = { signal: AbortSignal.timeout(170_000), heartbeat: () => undefined };
  return createEnvironments(kube, { testImage: images.test, plans: PLANS, ...settings }).ensure(user, call);
}

async function giveKey(user: string, plan: string): Promise<void> {
  const { operationsKubeconfig, kubeContext, elasticsearchHost } = stack();
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...nodeProcess('operations/keys.ts').args, 'create', user, '--plan', plan, '--expires', '1h'],
    {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        KUBECONFIG: operationsKubeconfig,
        KUBE_CONTEXT: kubeContext,
        ELASTICSEARCH_HOST: elasticsearchHost,
        ELASTICSEARCH_INDEX: 'test-actions-tenants',
      },
    },
  );
  expect(stdout).toContain(`"plan": "${plan}"`);
  const [, id = ''] = /"id": "(\w+)"/.exec(stdout) ?? [];
  await kubectl('delete', 'secret', `key-${id}`, '-n', 'orchestration-keys');
}

const quotaOf = async (user: string) =>
  (
    JSON.parse(await kubectl('get', 'resourcequota', 'user', '-n', `user-${user}`, '-o', 'json')) as {
      spec: { hard: Record<string, string> };
    }
  ).spec.hard;

test('a user has the plan given with a key, on nodes with the labels asked for, and a new plan when repaired', async () => {
  const user = another();
  await ensure(user, { nodeSelector: { 'kubernetes.io/os': 'linux' } });
  expect(await quotaOf(user)).toMatchObject({ pods: '8', 'limits.cpu': '8' });
  expect(await kubectl('get', 'pod', `${user}-test`, '-n', `user-${user}`, '-o', 'json')).toContain(
    '"kubernetes.io/os": "linux"',
  );
  await giveKey(user, 'large');
  const { changed } = await ensure(user, { nodeSelector: { 'kubernetes.io/os': 'linux' } });
  expect(changed).toEqual(['ResourceQuota/user']);
  expect(await quotaOf(user)).toMatchObject({ pods: '12', 'limits.cpu': '16' });
});

test('a plan that the worker does not know, and a user too many, are refused by name', async () => {
  const user = another();
  await giveKey(user, 'gone');
  await expect(ensure(user)).rejects.toThrow(
    `The plan of ${user} is gone, and USER_PLANS has only: default, large.`,
  );
  const one = another();
  await expect(ensure(one, { maxUsers: 1 })).rejects.toMatchObject({
    name: 'Rejected',
    message: expect.stringContaining('MAX_USERS') as string,
  });
});

import { PassThrough } from 'node:stream';
import { PatchStrategy, type KubernetesObject, type V1PodSpec } from '@kubernetes/client-node';
import { connectKubernetes, type Kube } from '../../infrastructure/kubernetes/api/client';
import { runInPod } from '../../infrastructure/kubernetes/api/podCommand';
import { bindingsOf, userNamespace } from '../../infrastructure/kubernetes/environment/namespaceManifests';
import { testPod } from '../../infrastructure/kubernetes/environment/testPodManifest';
import { makeNamespace } from './boundedNamespace';
import { Users } from './deployed';
import { eventually } from './eventually';
import { kubectl } from './kubectl';
import { stack } from './stack';

/**
 * The policies of infrastructure/rbac.yaml, which hold where RBAC cannot: what the worker's account may change
 * outside users' namespaces, and what any account may change in them. All changes are dry runs of the server.
 */

const users = new Users('admission');
const user = users.another();
const namespace = `user-${user}`;
/** A namespace that is called like a user's, and is not one. */
const foreigner = `${user}-foreign`;
const foreign = `user-${foreigner}`;
let worker: Kube;
let admin: Kube;

beforeAll(async () => {
  const { workerKubeconfig, kubeContext } = stack();
  worker = connectKubernetes({ kubeconfig: workerKubeconfig, context: kubeContext });
  admin = await makeNamespace(user);
  await kubectl('create', 'namespace', foreign);
  await kubectl('create', 'serviceaccount', 'other', '-n', namespace);
  // The RoleBinding of the worker and the default service account are in effect.
  await eventually(async () => expect(await creating(worker, pod())).toBe('accepted'));
});

afterAll(async () => {
  await users.remove();
  await kubectl('delete', 'namespace', foreign, '--wait=false', '--ignore-not-found');
});

/** What the server says to the creation of an object: `accepted`, or the message of its refusal. */
const creating = (kube: Kube, object: KubernetesObject) =>
  said(kube.objects.create(object, undefined, 'All', 'rights-test'));

/** What the server says to the change of an object. */
const changing = (kube: Kube, object: KubernetesObject) =>
  said(kube.objects.patch(object, undefined, 'All', 'rights-test', undefined, PatchStrategy.MergePatch));

const deleting = (kube: Kube, object: KubernetesObject) =>
  said(kube.objects.delete(object, undefined, 'All'));

async function said(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'accepted';
  } catch (error) {
    const { body } = error as { body?: unknown };
    if (body === undefined) throw error;
    return (JSON.parse(body as string) as { message: string }).message;
  }
}

/** The test pod, changed. */
function pod(changes: Partial<V1PodSpec> = {}, where = namespace) {
  const { spec, metadata, ...rest } = testPod(user, { testImage: stack().images.test });
  return { ...rest, metadata: { ...metadata, namespace: where }, spec: { ...spec!, ...changes } };
}

const first = (changes: object) => {
  const { readinessProbe: _, startupProbe: __, ...rest } = pod().spec.containers[0]!;
  return [{ ...rest, name: 'first', ...changes }];
};

const container = (changes: object) => [{ ...pod().spec.containers[0]!, ...changes }];

const object = (apiVersion: string, kind: string, name: string, where: string, rest: object = {}) => ({
  ...{ apiVersion, kind, metadata: { name, namespace: where } },
  ...rest,
});

const secret = (type: string, where = namespace) =>
  object('v1', 'Secret', 'wanted', where, {
    metadata: {
      ...{ name: 'wanted', namespace: where },
      annotations: { 'kubernetes.io/service-account.name': 'default' },
    },
    type,
    stringData: { username: 'a', password: 'b', '.dockerconfigjson': '{}' },
  });

const service = (spec: object) =>
  object('v1', 'Service', 'wanted', namespace, { spec: { ports: [{ port: 80 }], ...spec } });

const rbacGroup = 'rbac.authorization.k8s.io';

const roleBinding = (role: string, account: string, where = namespace, kind = 'ClusterRole') =>
  object(`${rbacGroup}/v1`, 'RoleBinding', 'wanted', where, {
    roleRef: { apiGroup: rbacGroup, kind, name: role },
    subjects: [{ kind: 'ServiceAccount', name: account, namespace: 'orchestration-system' }],
  });

const namespaceWith = (name: string, labels: Record<string, string | null>) => ({
  ...{ apiVersion: 'v1', kind: 'Namespace' },
  metadata: { name, labels: labels as Record<string, string> },
});

const ENFORCE = 'pod-security.kubernetes.io/enforce';
const labelsOf = (userId: string) => userNamespace(userId).metadata!.labels!;
const privileged: Partial<V1PodSpec> = {
  ...{ hostPID: true, serviceAccountName: 'generic-garbage-collector' },
  volumes: [{ name: 'root', hostPath: { path: '/' } }],
};

describe('what the platform needs is accepted:', () => {
  test.each<[string, () => KubernetesObject]>([
    ['a namespace of a user', () => userNamespace(`${user}-new`)],
    ['the test pod', () => pod()],
    ['a Secret', () => secret('Opaque')],
    ['a Service', () => service({})],
    ['a headless Service', () => service({ clusterIP: 'None' })],
  ])('%s', async (_, wanted) => {
    expect(await creating(worker, wanted())).toBe('accepted');
  });

  test('the RoleBindings', async () => {
    for (const binding of bindingsOf(user)) {
      const asked = said(
        worker.objects.patch(binding, undefined, 'All', 'rights-test', true, PatchStrategy.ServerSideApply),
      );
      expect(await asked).toBe('accepted');
    }
  });

  test('other labels of a user’s namespace, and its deletion', async () => {
    expect(await changing(worker, namespaceWith(namespace, { team: 'one' }))).toBe('accepted');
    expect(await deleting(worker, namespaceWith(namespace, {}))).toBe('accepted');
  });
});

describe('outside users’ namespaces, the worker’s account is refused', () => {
  const cannot = /is forbidden: User "[^"]+" cannot /;

  test.each<[string, () => Promise<string>, RegExp]>([
    ['a privileged pod in kube-system', () => creating(worker, pod(privileged, 'kube-system')), cannot],
    [
      'a token Secret in kube-system',
      () => creating(worker, secret('kubernetes.io/service-account-token', 'kube-system')),
      cannot,
    ],
    ['a pod in orchestration-keys', () => creating(worker, pod({}, 'orchestration-keys')), cannot],
    ['a pod in orchestration-system', () => creating(worker, pod({}, 'orchestration-system')), cannot],
    ['a pod in a namespace that is called like a user’s', () => creating(worker, pod({}, foreign)), cannot],
    [
      'a Deployment in kube-system',
      () =>
        changing(
          worker,
          object('apps/v1', 'Deployment', 'coredns', 'kube-system', { spec: { replicas: 0 } }),
        ),
      cannot,
    ],
    [
      'the list of images of users’ pods',
      () =>
        changing(
          worker,
          object('v1', 'ConfigMap', 'user-images', 'orchestration-system', { data: { more: 'evil:1' } }),
        ),
      cannot,
    ],
    [
      'its own role in kube-system',
      () =>
        creating(
          worker,
          roleBinding('orchestration-worker-in-user-namespace', 'orchestration-worker', 'kube-system'),
        ),
      /write to users' namespaces only/,
    ],
    [
      'its own role in the namespace of the keys',
      () =>
        creating(
          worker,
          roleBinding('orchestration-worker-in-user-namespace', 'orchestration-worker', 'orchestration-keys'),
        ),
      /write to users' namespaces only/,
    ],
    [
      'a namespace without labels',
      () => creating(worker, namespaceWith('user-x', {})),
      /users' namespaces only/,
    ],
    [
      'a change of kube-system',
      () => changing(worker, namespaceWith('kube-system', { [ENFORCE]: 'restricted' })),
      /users' namespaces only/,
    ],
    [
      'a change of orchestration-system',
      () => changing(worker, namespaceWith('orchestration-system', { [ENFORCE]: 'privileged' })),
      /users' namespaces only/,
    ],
    [
      'the deletion of orchestration-keys',
      () => deleting(worker, namespaceWith('orchestration-keys', {})),
      /users' namespaces only/,
    ],
    [
      'the deletion of a namespace that is called like a user’s',
      () => deleting(worker, namespaceWith(foreign, {})),
      /users' namespaces only/,
    ],
  ])('%s', async (_, asked, reason) => {
    expect(await asked()).toMatch(reason);
  });

  test('an exec in kube-system', async () => {
    await expect(command(worker, 'kube-system', 'any')).rejects.toMatchObject({ status: 403 });
  });
});

const command = (kube: Kube, where: string, name: string) =>
  runInPod(kube, {
    ...{ namespace: where, pod: name, container: 'program', command: ['true'] },
    stdout: new PassThrough(),
  });

describe.each<[string, () => Kube]>([
  ['the worker', () => worker],
  ['an administrator', () => admin],
])('in users’ namespaces, %s is refused', (who, kube) => {
  test.each<[string, () => KubernetesObject, RegExp]>([
    ['the host’s network', () => pod({ hostNetwork: true }), /violates PodSecurity/],
    ['the host’s processes', () => pod({ hostPID: true }), /violates PodSecurity/],
    [
      'the host’s files',
      () => pod({ volumes: [...pod().spec.volumes!, ...privileged.volumes!] }),
      /violates PodSecurity/,
    ],
    [
      'a port of the host',
      () => pod({ containers: container({ ports: [{ containerPort: 1, hostPort: 1 }] }) }),
      /violates PodSecurity/,
    ],
    ['a node of its choice', () => pod({ nodeName: 'local' }), /choose their node/],
    ['a priority of the system', () => pod({ priorityClassName: 'system-node-critical' }), /priority/],
    ['a token', () => pod({ automountServiceAccountToken: true }), /automountServiceAccountToken is false/],
    [
      'a token in a volume',
      () =>
        pod({
          volumes: [
            ...pod().spec.volumes!,
            { name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } },
          ],
        }),
      /automountServiceAccountToken is false/,
    ],
    ['a foreign image', () => pod({ containers: container({ image: 'evil:1' }) }), /and evil:1 is not/],
    [
      'a foreign image to start with',
      () => pod({ initContainers: first({ image: 'evil:1' }) }),
      /and evil:1 is not/,
    ],
    [
      'a volume of a driver',
      () => pod({ volumes: [...pod().spec.volumes!, { name: 'x', csi: { driver: 'example.com' } }] }),
      /no volumes of the types image, csi/,
    ],
    ['a token Secret', () => secret('kubernetes.io/service-account-token'), /have the type Opaque/],
    ['a Secret for a registry', () => secret('kubernetes.io/dockerconfigjson'), /have the type Opaque/],
    ['a port of every node', () => service({ type: 'NodePort' }), /type ClusterIP/],
    ['a load balancer', () => service({ type: 'LoadBalancer' }), /type ClusterIP/],
    [
      'an external name',
      () => service({ type: 'ExternalName', externalName: 'example.com' }),
      /type ClusterIP/,
    ],
    ['an external address', () => service({ externalIPs: ['192.0.2.1'] }), /type ClusterIP/],
    [
      'its own role for another account',
      () => roleBinding('orchestration-worker-in-user-namespace', 'orchestration-gateway'),
      /only have RoleBindings/,
    ],
  ])('%s', async (_, wanted, reason) => {
    expect(await creating(kube(), wanted())).toMatch(reason);
  });

  test('another service account', async () => {
    expect(await creating(kube(), pod({ serviceAccountName: 'other' }))).toMatch(/service account `default`/);
  });

  test('all rights', async () => {
    const answer = await creating(kube(), roleBinding('cluster-admin', 'orchestration-worker'));
    // RBAC refuses the worker before the policy does.
    expect(answer).toMatch(
      who === 'the worker' ? /attempting to grant RBAC permissions/ : /only have RoleBindings/,
    );
  });

  test.each<[string, () => KubernetesObject]>([
    ['fewer restrictions', () => namespaceWith(namespace, { [ENFORCE]: 'privileged' })],
    ['no restrictions', () => namespaceWith(namespace, { [ENFORCE]: null })],
    [
      'an old version of the restrictions',
      () => namespaceWith(namespace, { [`${ENFORCE}-version`]: 'v1.0' }),
    ],
    ['another owner', () => namespaceWith(namespace, { 'orchestration-app/user': 'test' })],
    ['no owner', () => namespaceWith(namespace, { 'orchestration-app/user': null })],
    ['no manager', () => namespaceWith(namespace, { 'app.kubernetes.io/managed-by': null })],
    ['an existing namespace as a user’s', () => namespaceWith(foreign, labelsOf(foreigner))],
  ])('%s', async (_, wanted) => {
    expect(await changing(kube(), wanted())).toMatch(/a user's namespace is created as user-ID/);
  });

  test.each<[string, () => KubernetesObject]>([
    ['without restrictions', () => namespaceWith('user-x', { ...labelsOf('x'), [ENFORCE]: 'privileged' })],
    ['with another name', () => namespaceWith('kube-more', labelsOf('x'))],
    [
      'with an old version',
      () => namespaceWith('user-x', { ...labelsOf('x'), [`${ENFORCE}-version`]: 'v1.0' }),
    ],
  ])('a new namespace %s', async (_, wanted) => {
    expect(await creating(kube(), wanted())).toMatch(/a user's namespace is created as user-ID/);
  });

  test('an exec into anything but test pods and databases', async () => {
    // Policies are evaluated before the server looks for the pod: a permitted name is not found.
    await expect(command(kube(), namespace, `${user}-prod-0`)).rejects.toMatchObject({ status: 422 });
    await expect(command(kube(), namespace, `${user}-test`)).rejects.toMatchObject({ status: 404 });
    await expect(command(kube(), namespace, `${user}-prod-db-0`)).rejects.toMatchObject({ status: 404 });
  });
});

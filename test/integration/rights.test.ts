import { connectKubernetes } from '../../infrastructure/kubernetes/api/client';
import { bindUserNamespaces } from '../../infrastructure/kubernetes/environment/bindings';
import { bindingsOf } from '../../infrastructure/kubernetes/environment/namespaceManifests';
import { makeNamespace } from './boundedNamespace';
import { Users } from './deployed';
import { eventually } from './eventually';
import { kubectl } from './kubectl';
import { stack } from './stack';

/** What RBAC allows the accounts of infrastructure/rbac.yaml. admission.test.ts tests its policies. */

const users = new Users('rights');
const user = users.another();
const namespace = `user-${user}`;
const IN = ['-n', namespace];

beforeAll(async () => {
  await makeNamespace(user);
  await eventually(hasRights);
});

afterAll(() => users.remove());

async function hasRights(): Promise<void> {
  expect(await may('orchestration-worker', 'create', 'pods', ...IN)).toBe('yes');
  expect(await may('orchestration-gateway', 'get', 'pods/log', ...IN)).toBe('yes');
}

/** The answer to whether a service account of orchestration-system has a right: yes or no. */
async function may(account: string, verb: string, what: string, ...where: string[]): Promise<string> {
  // `pods/log` would be a pod with the name log.
  const [resource = '', subresource] = what.split('/');
  const question = [verb, resource, ...(subresource ? [`--subresource=${subresource}`] : []), ...where];
  const identity = `system:serviceaccount:orchestration-system:${account}`;
  // kubectl exits with 1 for no, which is an answer and not a failure.
  const asked = kubectl('auth', 'can-i', ...question, '--as', identity);
  return (await asked.catch((error: { stdout?: string }) => error.stdout ?? '')).trim();
}

describe('the worker', () => {
  test.each([
    ['create', 'pods/exec', ...IN],
    ['create', 'secrets', ...IN],
    ['patch', 'deployments.apps', ...IN],
    ['create', 'namespaces'],
    ['get', 'configmaps', '-n', 'orchestration-keys'],
  ])('may %s %s: the question is asked correctly', async (verb, what, ...where) => {
    expect(await may('orchestration-worker', verb, what, ...where)).toBe('yes');
  });

  test.each([
    ['get', 'secrets', ...IN],
    ['list', 'secrets', '-A'],
    ['get', 'secrets', '-n', 'orchestration-system'],
    ['list', 'secrets', '-n', 'orchestration-keys'],
    ['create', 'secrets', '-n', 'orchestration-keys'],
    ['list', 'configmaps', '-n', 'orchestration-keys'],
    ['patch', 'configmaps', '-n', 'orchestration-keys'],
    ['get', 'configmaps', '-n', 'orchestration-system'],
    ['patch', 'configmaps', '-n', 'orchestration-system'],
    ['get', 'pods', '-A'],
    ['list', 'pods', '-A'],
    ['create', 'pods', '-n', 'kube-system'],
    ['create', 'pods/exec', '-A'],
    ['get', 'pods/log', '-A'],
    ['create', 'pods/exec', '-n', 'kube-system'],
    ['patch', 'deployments.apps', '-n', 'kube-system'],
    ['list', 'deployments.apps', '-A'],
    ['list', 'configmaps', '-A'],
    ['get', 'nodes'],
    ['create', 'clusterrolebindings'],
    ['create', 'clusterroles'],
    ['create', 'roles', ...IN],
    ['bind', 'clusterroles/cluster-admin'],
    ['delete', 'rolebindings', ...IN],
    ['list', 'rolebindings', '-A'],
    ['patch', 'validatingadmissionpolicies'],
    ['patch', 'validatingadmissionpolicybindings'],
    ['escalate', 'clusterroles'],
    ['impersonate', 'users'],
    ['create', 'serviceaccounts', ...IN],
    ['create', 'serviceaccounts/token', '-n', 'kube-system'],
    ['create', 'serviceaccounts/token', ...IN],
    ['patch', 'namespaces/status'],
    ['update', 'namespaces/finalize'],
    ['create', 'daemonsets.apps', '-A'],
    ['create', 'jobs.batch', '-A'],
    ['create', 'ingresses.networking.k8s.io', '-A'],
    ['delete', 'nodes'],
    ['get', 'nodes/proxy'],
    ['create', 'pods/portforward', '-A'],
    ['create', 'pods/attach', '-A'],
    ['update', 'pods/ephemeralcontainers', ...IN],
    ['delete', 'persistentvolumes'],
    ['delete', 'networkpolicies', ...IN],
    ['delete', 'resourcequotas', ...IN],
  ])('may not %s %s %s %s', async (verb, what, ...where) => {
    expect(await may('orchestration-worker', verb, what, ...where)).toBe('no');
  });
});

describe('the gateway', () => {
  test.each([
    ['get', 'pods/log', ...IN],
    ['list', 'secrets', '-n', 'orchestration-keys'],
  ])('may %s %s', async (verb, what, ...where) => {
    expect(await may('orchestration-gateway', verb, what, ...where)).toBe('yes');
  });

  test.each([
    ['create', 'pods', '-A'],
    ['delete', 'pods', '-A'],
    ['list', 'pods', '-A'],
    ['get', 'pods/log', '-A'],
    ['get', 'services', '-A'],
    ['get', 'deployments.apps', '-A'],
    ['get', 'pods/log', '-n', 'kube-system'],
    ['create', 'pods/exec', ...IN],
    ['get', 'pods/exec', ...IN],
    ['get', 'secrets', ...IN],
    ['list', 'secrets', '-A'],
    ['list', 'secrets', '-n', 'orchestration-system'],
    ['create', 'secrets', '-n', 'orchestration-keys'],
    ['delete', 'secrets', '-n', 'orchestration-keys'],
    ['patch', 'deployments.apps', ...IN],
    ['list', 'configmaps', '-A'],
    ['list', 'namespaces'],
    ['create', 'namespaces'],
    ['delete', 'namespaces'],
    ['create', 'rolebindings', ...IN],
    ['impersonate', 'users'],
  ])('may not %s %s %s %s', async (verb, what, ...where) => {
    expect(await may('orchestration-gateway', verb, what, ...where)).toBe('no');
  });
});

describe('the account of operators', () => {
  test.each([
    ['create', 'secrets', '-n', 'orchestration-keys'],
    ['delete', 'secrets', '-n', 'orchestration-keys'],
    ['patch', 'configmaps', '-n', 'orchestration-keys'],
  ])('may %s %s', async (verb, what, ...where) => {
    expect(await may('orchestration-ops', verb, what, ...where)).toBe('yes');
  });

  test.each([
    ['list', 'secrets', '-A'],
    ['create', 'secrets', ...IN],
    ['create', 'configmaps', '-n', 'orchestration-system'],
    ['get', 'namespaces'],
    ['create', 'pods', '-n', 'orchestration-keys'],
  ])('may not %s %s %s %s', async (verb, what, ...where) => {
    expect(await may('orchestration-ops', verb, what, ...where)).toBe('no');
  });
});

test.each(['orchestration-worker', 'orchestration-gateway', 'orchestration-ops'])(
  '%s may do everything nowhere',
  async (account) => {
    expect(await may(account, '*', '*', '--all-namespaces')).toBe('no');
  },
);

test('a namespace of an earlier release gets its RoleBindings', async () => {
  const { workerKubeconfig, kubeContext } = stack();
  const worker = connectKubernetes({ kubeconfig: workerKubeconfig, context: kubeContext });
  const mine = `orchestration-app/user=${user}`;
  expect(await bindUserNamespaces(worker, mine)).toEqual([]);
  const names = bindingsOf(user).map(({ metadata }) => metadata!.name!);
  await kubectl('delete', 'rolebinding', ...names, '-n', namespace);
  expect(await bindUserNamespaces(worker, mine)).toEqual([namespace]);
  await eventually(hasRights);
});

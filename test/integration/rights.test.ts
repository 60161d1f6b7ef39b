import { kubectl } from './kubectl';

/** The identities of infrastructure/rbac.yaml only have the rights that their components need. */

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

test.each([
  ['create', 'pods/exec', '-n', 'user-test'],
  ['create', 'secrets', '-n', 'user-test'],
  ['patch', 'deployments.apps', '-n', 'user-test'],
])('the worker may %s %s: the question is asked rightly', async (verb, what, ...where) => {
  expect(await may('orchestration-worker', verb, what, ...where)).toBe('yes');
});

test.each([
  ['get', 'secrets', '-n', 'user-test'],
  ['list', 'secrets', '-A'],
  ['get', 'secrets', '-n', 'orchestration-system'],
  ['list', 'secrets', '-n', 'orchestration-keys'],
  ['get', 'nodes'],
  ['create', 'clusterrolebindings'],
  ['create', 'rolebindings', '-n', 'user-test'],
  ['escalate', 'clusterroles'],
  ['impersonate', 'users'],
  ['create', 'serviceaccounts/token', '-n', 'kube-system'],
  ['create', 'daemonsets.apps', '-A'],
  ['create', 'jobs.batch', '-A'],
  ['create', 'ingresses.networking.k8s.io', '-A'],
  ['delete', 'nodes'],
  ['get', 'nodes/proxy'],
  ['create', 'pods/portforward', '-A'],
  ['create', 'pods/attach', '-A'],
  ['delete', 'persistentvolumes'],
  ['delete', 'networkpolicies', '-A'],
  ['delete', 'resourcequotas', '-A'],
])('the worker may not %s %s %s %s', async (verb, what, ...where) => {
  expect(await may('orchestration-worker', verb, what, ...where)).toBe('no');
});

test.each([
  ['get', 'pods/log', '-n', 'user-test'],
  ['list', 'secrets', '-n', 'orchestration-keys'],
])('the gateway may %s %s', async (verb, what, ...where) => {
  expect(await may('orchestration-gateway', verb, what, ...where)).toBe('yes');
});

test.each([
  ['create', 'pods', '-A'],
  ['delete', 'pods', '-A'],
  ['create', 'pods/exec', '-n', 'user-test'],
  ['get', 'pods/exec', '-n', 'user-test'],
  ['get', 'secrets', '-n', 'user-test'],
  ['list', 'secrets', '-A'],
  ['list', 'secrets', '-n', 'orchestration-system'],
  ['create', 'secrets', '-n', 'orchestration-keys'],
  ['delete', 'secrets', '-n', 'orchestration-keys'],
  ['patch', 'deployments.apps', '-A'],
  ['list', 'configmaps', '-A'],
  ['create', 'namespaces'],
  ['delete', 'namespaces'],
  ['impersonate', 'users'],
])('the gateway may not %s %s %s %s', async (verb, what, ...where) => {
  expect(await may('orchestration-gateway', verb, what, ...where)).toBe('no');
});

test.each(['orchestration-worker', 'orchestration-gateway'])(
  '%s may do everything nowhere',
  async (account) => {
    expect(await may(account, '*', '*', '--all-namespaces')).toBe('no');
  },
);

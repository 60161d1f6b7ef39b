import { NO_EGRESS, type Egress } from '../../../infrastructure/config/egress';
import type { Plans } from '../../../infrastructure/config/plans';
import type { Kube } from '../../../infrastructure/kubernetes/api/client';
import { planEgressPolicy } from '../../../infrastructure/kubernetes/egress/policy';
import {
  checkHosts,
  proxyVariables,
  resolveEgressProxy,
  runVariables,
} from '../../../infrastructure/kubernetes/egress/proxy';
import { verifyEgressCredentials } from '../../../infrastructure/egressCredentials';

const KEY = 'a-key-of-many-characters';
const egressProxy = { address: '10.96.0.7:3128', key: KEY };
const egress: Egress = { ...NO_EGRESS, hosts: [{ host: 'api.example.com', ports: [443] }] };

test('programs get a URL with credentials of their user and plan, and reach database and index directly', () => {
  const packageIndex = { url: 'http://u:p@192.0.2.7:3141/simple', cidr: '192.0.2.7/32' };
  const variables = proxyVariables('ada', { name: 'large', egress }, { egressProxy, packageIndex });
  const { username, password, host } = new URL(variables.HTTPS_PROXY ?? '');
  expect(host).toBe('10.96.0.7:3128');
  expect(verifyEgressCredentials(KEY, username, password)).toEqual({ userId: 'ada', plan: 'large' });
  for (const name of ['HTTP_PROXY', 'http_proxy', 'https_proxy'])
    expect(variables[name]).toBe(variables.HTTPS_PROXY);
  expect(variables.no_proxy).toBe(variables.NO_PROXY);
  expect(variables.NO_PROXY?.split(',')).toEqual(
    expect.arrayContaining(['localhost', '127.0.0.1', 'ada-prod-db', 'ada-prod-db.user-ada', '192.0.2.7']),
  );
});

test.each([
  ['a plan without hosts', { name: 'large', egress: NO_EGRESS }],
  ['a plan without egress', { name: 'large' }],
  ['no plan', {}],
])('with %s they get none', (_, plan) => {
  expect(proxyVariables('ada', plan, { egressProxy })).toEqual({});
});

test('the policy opens the proxy for a plan with hosts: its pods, or its range, at its port', () => {
  const rulesOf = (plan: Egress, proxy: typeof egressProxy & { cidr?: string }) =>
    planEgressPolicy('ada', plan, { egressProxy: proxy }).spec?.egress;
  const ports = [{ protocol: 'TCP', port: 3128 }];
  expect(rulesOf(egress, egressProxy)).toEqual([
    {
      to: [
        {
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'orchestration-system' } },
          podSelector: { matchLabels: { 'app.kubernetes.io/name': 'egress-proxy' } },
        },
      ],
      ports,
    },
  ]);
  expect(rulesOf(egress, { ...egressProxy, cidr: '10.96.0.0/24' })).toEqual([
    { to: [{ ipBlock: { cidr: '10.96.0.0/24' } }], ports },
  ]);
  expect(rulesOf(NO_EGRESS, egressProxy)).toBeUndefined();
});

test('the proxy is reached by its address', async () => {
  const url = 'http://egress-proxy.orchestration-system:3128';
  const resolve = () => Promise.resolve(['10.96.0.7']);
  expect(await resolveEgressProxy({ url, key: KEY }, resolve)).toEqual(egressProxy);
  await expect(resolveEgressProxy({ url, key: KEY, cidr: '192.0.2.0/24' }, resolve)).rejects.toThrow(
    'EGRESS_PROXY_CIDR is 192.0.2.0/24, and the host egress-proxy.orchestration-system of EGRESS_PROXY_URL has the ' +
      'address 10.96.0.7.',
  );
  expect(await resolveEgressProxy({ url: 'http://192.0.2.9:3128', key: KEY })).toMatchObject({
    address: '192.0.2.9:3128',
  });
});

test('plans with hosts need a proxy', () => {
  expect(() => checkHosts({ large: { egress } }, undefined)).toThrow(
    'USER_PLANS large.egress.hosts needs the egress proxy: set EGRESS_PROXY_URL',
  );
  checkHosts({ large: { egress } }, egressProxy);
  checkHosts({ large: { egress: NO_EGRESS }, small: {} }, undefined);
});

test('runs get the variables of the plan that their user has, and no plan is read where none names hosts', async () => {
  const kube = { core: { readNamespacedConfigMap: () => Promise.resolve({ data: { plan: 'large' } }) } };
  const plans: Plans = { large: { egress }, small: {} };
  const variablesOf = runVariables(kube as unknown as Kube, { plans, egressProxy });
  expect(await variablesOf?.('ada')).toEqual(
    proxyVariables('ada', { name: 'large', egress }, { egressProxy }),
  );
  expect(runVariables(kube as unknown as Kube, { plans: { small: {} }, egressProxy })).toBeUndefined();
});

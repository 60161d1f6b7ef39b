import type {
  V1LimitRange,
  V1NetworkPolicy,
  V1NetworkPolicyEgressRule,
  V1ResourceQuota,
} from '@kubernetes/client-node';
import {
  bindingsOf,
  boundsOf,
  userNamespace,
} from '../../../../infrastructure/kubernetes/environment/namespaceManifests';
import { NO_EGRESS, type Egress } from '../../../../infrastructure/config/egress';
import type { ProgramResources } from '../../../../infrastructure/kubernetes/production/program/resources';
import type { PackageIndex } from '../../../../infrastructure/kubernetes/packageIndex';
import { uidOf } from '../../../../infrastructure/kubernetes/pods/userIdentity';
import { SPEC_ANNOTATION, testPod } from '../../../../infrastructure/kubernetes/environment/testPodManifest';

const settings = { testImage: 'docker.io/orchestration-app/test-pod:1' };

test('a namespace enforces Pod Security restricted', () => {
  expect(userNamespace('ada').metadata).toMatchObject({
    name: 'user-ada',
    labels: { 'orchestration-app/user': 'ada', 'pod-security.kubernetes.io/enforce': 'restricted' },
  });
});

test('a namespace binds the roles of infrastructure/rbac.yaml to its accounts, and nothing else', () => {
  const bound = bindingsOf('ada').map(({ metadata, roleRef, subjects }) => [
    `${metadata?.namespace}/${metadata?.name}`,
    `${roleRef.kind}/${roleRef.name}`,
    subjects?.map(({ kind, namespace, name }) => `${kind} ${namespace}/${name}`).join(),
  ]);
  expect(bound).toEqual(
    ['worker', 'gateway'].map((part) => [
      `user-ada/orchestration-${part}`,
      `ClusterRole/orchestration-${part}-in-user-namespace`,
      `ServiceAccount orchestration-system/orchestration-${part}`,
    ]),
  );
});

test('a test pod has the name of the contract and no rights', () => {
  const { metadata, spec } = testPod('ada', settings);
  expect(metadata).toMatchObject({ name: 'ada-test', namespace: 'user-ada' });
  expect(spec).toMatchObject({
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    restartPolicy: 'Always',
    securityContext: {
      runAsNonRoot: true,
      runAsUser: uidOf('ada'),
      seccompProfile: { type: 'RuntimeDefault' },
    },
  });
  expect(spec?.containers[0]?.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
});

test('a user has a uid that no other has, in each pod, with a name and a home', () => {
  const { metadata, spec } = testPod('ada', settings);
  const uid = uidOf('ada');
  expect(spec?.securityContext).toMatchObject({ runAsUser: uid, runAsGroup: uid, fsGroup: uid });
  expect(metadata?.annotations?.['orchestration-app/passwd']).toContain(
    `program:x:${uid}:${uid}:program:/work/1:/bin/sh\n`,
  );
  const many = Array.from({ length: 2_000 }, (_, index) => uidOf(`user-${index}`));
  expect(new Set(many).size).toBe(many.length);
  expect(Math.min(...many)).toBeGreaterThan(65_535);
  expect(Math.max(...many)).toBeLessThan(2 ** 31);
});

test('what a run or an installation may write is in memory and bounded', () => {
  const volumes = (testPod('ada', settings).spec?.volumes ?? []).filter(({ downwardAPI }) => !downwardAPI);
  expect(volumes.map(({ name }) => name)).toEqual(['work', 'tmp', 'shm', 'layers']);
  for (const { emptyDir } of volumes)
    expect(emptyDir).toEqual({ medium: 'Memory', sizeLimit: expect.stringMatching(/^\d+Mi$/) as string });
});

test('the hash of a pod changes with its image and its runtime, and with nothing else', () => {
  const hash = (changes: object) =>
    testPod('ada', { ...settings, ...changes }).metadata?.annotations?.[SPEC_ANNOTATION];
  expect(hash({})).toBe(hash({ deadlineMs: 1 }));
  expect(hash({ testImage: 'other' })).not.toBe(hash({}));
  expect(hash({ runtime: { className: 'kata', isGvisor: false } })).not.toBe(hash({}));
});

test('nothing in a namespace talks to anything that production does not need', () => {
  const policies = boundsOf('ada').filter(({ kind }) => kind === 'NetworkPolicy') as V1NetworkPolicy[];
  expect(policies[0]?.spec).toEqual({ podSelector: {}, policyTypes: ['Ingress', 'Egress'] });
  const opened = policies.slice(1, -2);
  for (const { spec } of opened.slice(0, -1))
    expect(spec?.podSelector?.matchLabels).toMatchObject({ app: 'prod' });
  const [toDatabase, ...others] = opened.at(-1)?.spec?.egress ?? [];
  expect(opened.at(-1)?.spec?.podSelector?.matchLabels).toMatchObject({ app: 'test' });
  expect(toDatabase?.to).toEqual([
    { podSelector: { matchLabels: expect.objectContaining({ component: 'db' }) as object } },
  ]);
  expect(others).toEqual([]);
  const ports = opened.flatMap(({ spec }) =>
    [...(spec?.ingress ?? []), ...(spec?.egress ?? [])].flatMap((rule) =>
      rule.ports?.map(({ port }) => port),
    ),
  );
  expect(ports).toEqual([8080, 5432, 53, 53, 5432, 5432]);
  const resolvers = opened.filter(({ spec }) => spec?.egress?.some(reachesPort(53)));
  expect(resolvers.map(({ spec }) => spec?.podSelector?.matchExpressions)).toEqual([
    expect.arrayContaining([{ key: 'orchestration-app/dns', operator: 'DoesNotExist' }]),
  ]);
});

const reachesPort = (wanted: number) => (rule: V1NetworkPolicyEgressRule) =>
  rule.ports === undefined || rule.ports.some(({ port }) => port === wanted);

const policyOf = (packageIndex?: PackageIndex) =>
  boundsOf('ada', { packageIndex }).find(
    ({ metadata }) => metadata?.name === 'package-index',
  ) as V1NetworkPolicy;

test('test pods and programs reach the package index, at the port of its URL, and databases do not', () => {
  const { spec } = policyOf({ url: 'http://u:p@192.0.2.7:3141/simple', cidr: '192.0.2.7/32' });
  expect(spec).toEqual({
    podSelector: {
      matchExpressions: [
        { key: 'app', operator: 'In', values: ['test', 'prod'] },
        { key: 'component', operator: 'NotIn', values: ['db'] },
      ],
    },
    policyTypes: ['Egress'],
    egress: [{ to: [{ ipBlock: { cidr: '192.0.2.7/32' } }], ports: [{ protocol: 'TCP', port: 3141 }] }],
  });
});

test('an index with a host name is a host alias of the test pod, which cannot reach DNS', () => {
  const hostAliases = [{ ip: '192.0.2.7', hostnames: ['pypi.org'] }];
  const packageIndex = { url: 'https://pypi.org/simple', cidr: '192.0.2.0/24', hostAliases };
  const egress = policyOf(packageIndex).spec?.egress;
  expect(egress?.flatMap(({ ports }) => ports?.map(({ port }) => port))).toEqual([443]);
  expect(testPod('ada', { ...settings, packageIndex }).spec).toMatchObject({
    ...{ hostAliases, dnsPolicy: 'None' },
  });
});

test('without an index there is no way out', () => {
  expect(policyOf().spec?.egress).toBeUndefined();
});

const planEgressOf = (egress?: Partial<Egress>) =>
  boundsOf('ada', {
    plan: egress ? { egress: { ...NO_EGRESS, ...egress } } : {},
    clusterDns: [{ cidr: '169.254.20.10/32', port: 53 }],
  }).find(({ metadata }) => metadata?.name === 'plan-egress') as V1NetworkPolicy;

test('without egress in the plan, its policy is applied and allows nothing', () => {
  for (const policy of [planEgressOf(), planEgressOf({}), planEgressOf({ internet: false })]) {
    expect(policy.spec?.policyTypes).toEqual(['Egress']);
    expect(policy.spec).not.toHaveProperty('egress');
  }
});

test('a plan opens its ranges to all pods of a user except databases, at its ports', () => {
  const ranges = [{ cidr: '203.0.113.0/28', ports: [443, 8443] }, { cidr: '2001:db8::/32' }];
  expect(planEgressOf({ ranges }).spec).toEqual({
    podSelector: policyOf().spec?.podSelector,
    policyTypes: ['Egress'],
    egress: [
      {
        to: [{ ipBlock: { cidr: '203.0.113.0/28' } }],
        ports: [
          { protocol: 'TCP', port: 443 },
          { protocol: 'TCP', port: 8443 },
        ],
      },
      { to: [{ ipBlock: { cidr: '2001:db8::/32' } }] },
    ],
  });
});

test('a plan with the internet opens public addresses and DNS, and pods ask the DNS of the cluster', () => {
  const [addresses, ...dns] = planEgressOf({ internet: true }).spec?.egress ?? [];
  expect(addresses).not.toHaveProperty('ports');
  const blocks = addresses?.to?.map(({ ipBlock }) => ipBlock);
  expect(blocks?.map((block) => block?.cidr)).toEqual(['0.0.0.0/0', '2000::/3']);
  expect(blocks?.[0]?.except).toEqual(
    expect.arrayContaining(['10.0.0.0/8', '169.254.0.0/16', '127.0.0.0/8', '100.64.0.0/10', '224.0.0.0/4']),
  );
  expect(dns.map(({ to }) => to)).toEqual([
    [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
    [{ ipBlock: { cidr: '169.254.20.10/32' } }],
  ]);
  expect(dns.every(reachesPort(53))).toBe(true);
  const { metadata, spec } = testPod('ada', {
    ...settings,
    plan: { egress: { ...NO_EGRESS, internet: true } },
  });
  expect(metadata?.labels).toMatchObject({ app: 'test', 'orchestration-app/dns': 'cluster' });
  expect(spec?.dnsPolicy).toBe('ClusterFirst');
  expect(spec).not.toHaveProperty('dnsConfig');
  expect(testPod('ada', settings).metadata?.labels).toMatchObject({ 'orchestration-app/dns': 'none' });
});

test('a namespace shows what the plan allows', () => {
  const shown = (egress?: Egress) =>
    userNamespace('ada', egress).metadata?.annotations?.['orchestration-app/egress'];
  expect(JSON.parse(shown() ?? '')).toEqual(NO_EGRESS);
  expect(JSON.parse(shown({ ...NO_EGRESS, internet: true }) ?? '')).toMatchObject({ internet: true });
});

test('the bounds of a user have room for two programs of the size that programs have', () => {
  const bounds = (programResources?: ProgramResources) => {
    const [quota, range] = boundsOf('ada', { programResources }) as [V1ResourceQuota, V1LimitRange];
    return { hard: quota.spec?.hard, max: range.spec?.limits[0]?.max };
  };
  expect(bounds()).toMatchObject({
    hard: { 'requests.cpu': '2', 'limits.cpu': '8', 'requests.memory': '2048Mi', 'limits.memory': '4096Mi' },
    max: { cpu: '4', memory: '2560Mi' },
  });
  const large = { cpus: 5, cpuRequest: 1.015, memoryMiB: 4_096, memoryRequestMiB: 1_088 };
  expect(bounds(large)).toMatchObject({
    hard: {
      'requests.cpu': '4',
      'limits.cpu': '16',
      'requests.memory': '4096Mi',
      'limits.memory': '11776Mi',
    },
    max: { cpu: '5', memory: '4096Mi' },
  });
});

test('in gVisor, a test pod has a readable interpreter, and a folder for its socket that others do not have', () => {
  const { spec } = testPod('ada', { ...settings, runtime: { className: 'sandboxed', isGvisor: true } });
  const [runner] = spec?.containers ?? [];
  expect(spec?.runtimeClassName).toBe('sandboxed');
  expect(runner?.command?.[0]).toBe('/opt/test-pod/readable/python3');
  expect(runner?.startupProbe?.exec?.command?.[0]).toBe('/opt/test-pod/readable/python3');
  expect(runner?.volumeMounts).toContainEqual({ name: 'supervisor', mountPath: '/supervisor' });
  const kata = testPod('ada', { ...settings, runtime: { className: 'kata', isGvisor: false } }).spec;
  expect(kata?.containers[0]?.command).toBeUndefined();
  expect(kata?.volumes?.map(({ name }) => name)).not.toContain('supervisor');
});

test('what a node must have free for a test pod can be set', () => {
  const requested = (testCpuRequest?: number) =>
    testPod('ada', { ...settings, testCpuRequest }).spec?.containers[0]?.resources?.requests?.cpu;
  expect([requested(), requested(0.005), requested(1)]).toEqual(['40m', '5m', '1']);
});

test('a plan takes the place of what everybody has, and what it leaves out stays', () => {
  const [quota] = boundsOf('ada', { plan: { pods: 12, cpus: 16 } }) as [V1ResourceQuota];
  expect(quota.spec?.hard).toMatchObject({ pods: '12', 'limits.cpu': '16', 'limits.memory': '4096Mi' });
});

test('test pods are on the nodes of the settings and of their plan', () => {
  const taint = { key: 'pool', operator: 'Exists', effect: 'NoSchedule' };
  const { spec } = testPod('ada', {
    ...settings,
    nodeSelector: { pool: 'tests', disk: 'ssd' },
    tolerations: [taint],
    plan: { nodeSelector: { pool: 'large' } },
  });
  expect(spec?.nodeSelector).toEqual({ pool: 'large', disk: 'ssd' });
  expect(spec?.tolerations).toEqual([taint]);
  expect(testPod('ada', settings).spec).not.toHaveProperty('nodeSelector');
});

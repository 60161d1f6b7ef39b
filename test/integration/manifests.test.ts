import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { loadAllYaml, type KubernetesObject } from '@kubernetes/client-node';
import { kubectl } from './kubectl';

/** The API server accepts manifests that the local stack does not use, in a dry run that creates nothing. */

const DRY_RUN = ['apply', '--server-side', '--dry-run=server'];

/** API groups of operators that the local stack does not have, so their objects cannot be validated. */
const OF_OPERATORS = ['monitoring.coreos.com', 'keda.sh'];

test.each([
  ['infrastructure/', 'ingress.networking.k8s.io/gateway'],
  ['infrastructure/secured/', 'configmap/elasticsearch-roles'],
])('a cluster takes all of %s, without a conflict', async (folder, one) => {
  const said = await kubectl(...DRY_RUN, '-f', folder);
  expect(said).toContain(`${one} serverside-applied (server dry run)`);
  for (const line of said.trim().split('\n')) expect(line).toMatch(/ serverside-applied \(server dry run\)$/);
});

describe.each(['local', 'production'])('the overlay %s', (overlay) => {
  let objects: KubernetesObject[];

  beforeAll(async () => {
    const rendered = await kubectl('kustomize', `infrastructure/install/overlays/${overlay}`);
    objects = loadAllYaml(rendered) as KubernetesObject[];
  });

  test('is one that a cluster takes', async () => {
    const known = objects.filter(({ apiVersion }) => !OF_OPERATORS.includes(apiVersion!.split('/')[0]!));
    const directory = await mkdtemp(join(tmpdir(), 'manifests-'));
    try {
      const file = join(directory, 'objects.json');
      await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: known }));
      const said = await kubectl(...DRY_RUN, '-f', file);
      expect(said.trim().split('\n')).toHaveLength(known.length);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  test('puts everything into one namespace, and no secret into any object', () => {
    for (const { metadata, kind } of objects) {
      expect(metadata?.namespace).toBe('orchestration-system');
      expect(kind).not.toBe('Secret');
    }
  });

  test('has pods that are as restricted as their namespace asks, and cannot write', () => {
    const deployments = objects.filter(({ kind }) => kind === 'Deployment') as Deployment[];
    expect(deployments.map(({ metadata }) => metadata!.name).sort()).toEqual(['codec', 'gateway', 'worker']);
    for (const { spec } of deployments) {
      const pod = spec.template.spec;
      expect(pod.securityContext).toMatchObject({ runAsNonRoot: true });
      for (const { securityContext } of pod.containers)
        expect(securityContext).toEqual({
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        });
    }
  });
});

test('the component program-hosts serves all hosts of one domain, on a cluster as in the settings', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'overlay-'));
  const install = relative(directory, resolve('infrastructure/install'));
  const overlay = {
    resources: [`${install}/base`],
    components: [`${install}/components/ingress`, `${install}/components/program-hosts`],
    configMapGenerator: [
      { name: 'settings', behavior: 'merge', literals: ['APPS_DOMAIN=programs.example.org'] },
    ],
  };
  try {
    await writeFile(join(directory, 'kustomization.yaml'), JSON.stringify(overlay));
    const objects = loadAllYaml(await kubectl('kustomize', directory)) as KubernetesObject[];
    const settings = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata?.name?.startsWith('settings-'),
    );
    expect(settings).toMatchObject({ data: { FORWARD_APPS: 'on', APPS_DOMAIN: 'programs.example.org' } });
    const ingresses = objects.filter(({ kind }) => kind === 'Ingress');
    expect(ingresses.map(({ metadata }) => metadata?.name).sort()).toEqual(['gateway', 'programs']);
    const file = join(directory, 'objects.json');
    await writeFile(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: ingresses }));
    const said = await kubectl(...DRY_RUN, '-f', file);
    expect(said).toContain('ingress.networking.k8s.io/programs serverside-applied');
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('the component egress-proxy runs a proxy without rights, which knows the plans, and whose key workers have', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'overlay-'));
  const install = relative(directory, resolve('infrastructure/install'));
  const overlay = {
    namespace: 'orchestration-system',
    resources: [`${install}/base`],
    components: [`${install}/components/egress-proxy`],
    configMapGenerator: [{ name: 'settings', behavior: 'merge', literals: ['USER_PLANS={"large": {}}'] }],
  };
  try {
    await writeFile(join(directory, 'kustomization.yaml'), JSON.stringify(overlay));
    const rendered = await kubectl('kustomize', directory);
    const objects = loadAllYaml(rendered) as KubernetesObject[];
    const environmentOf = (name: string) =>
      (objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata?.name === name) as Deployment)
        .spec.template.spec.containers[0]?.env;
    const key = { secretKeyRef: { name: 'egress-proxy', key: 'key' } };
    for (const name of ['worker', 'egress-proxy'])
      expect(environmentOf(name)).toContainEqual({ name: 'EGRESS_PROXY_KEY', valueFrom: key });
    const settings = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata?.name?.startsWith('settings-'),
    );
    expect(environmentOf('egress-proxy')).toContainEqual({
      name: 'USER_PLANS',
      valueFrom: { configMapKeyRef: { name: settings?.metadata?.name, key: 'USER_PLANS', optional: true } },
    });
    expect(settings).toMatchObject({
      data: { EGRESS_PROXY_URL: 'http://egress-proxy.orchestration-system:3128' },
    });
    const file = join(directory, 'objects.yaml');
    await writeFile(file, rendered);
    const said = await kubectl(...DRY_RUN, '-f', file);
    expect(said.trim().split('\n')).toHaveLength(objects.length);
  } finally {
    await rm(directory, { recursive: true });
  }
});

interface Deployment extends KubernetesObject {
  spec: {
    template: {
      spec: { securityContext: object; containers: { securityContext: object; env?: object[] }[] };
    };
  };
}

import type { V1NetworkPolicy, V1Service, V1StatefulSet } from '@kubernetes/client-node';
import type { Program, Provenance } from '../../../../../activities/ports';
import { applyDatabase } from '../../../../../infrastructure/kubernetes/production/database/database';
import { applyProgram } from '../../../../../infrastructure/kubernetes/production/program/program';
import { Cluster } from '../../cluster';

const settings = { programImage: 'program', databaseImage: 'database' };
const context = { signal: new AbortController().signal, heartbeat: () => undefined };
const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'user-ada' } };

const program = (text: string): Program => ({
  ...{ language: 'python', files: { 'main.py': text }, entrypoint: 'main.py', requirements: [] },
});

const provenance = (submissionId: string): Provenance => ({
  ...{ userId: 'ada', submissionId, workflowId: submissionId, runId: submissionId },
  codeDigest: `digest-of-${submissionId}`,
});

/** Gives the database its address, and reports it as ready. */
function startDatabase(cluster: Cluster): void {
  const service = cluster.get('Service', 'ada-prod-db') as V1Service;
  cluster.put({ ...service, spec: { ...service.spec, clusterIP: '10.0.0.1' } } as V1Service);
  const database = cluster.get('StatefulSet', 'ada-prod-db') as V1StatefulSet;
  const metadata = { ...database.metadata, generation: 1 };
  const status = { observedGeneration: 1, replicas: 1, readyReplicas: 1, updatedReplicas: 1 };
  cluster.put({ ...database, metadata, status } as V1StatefulSet);
}

async function deployed(): Promise<Cluster> {
  const cluster = new Cluster(namespace);
  const abort = new AbortController();
  const waiting = { ...context, signal: abort.signal };
  const applied = applyDatabase(cluster.kube, settings, provenance('first'), waiting).catch(() => undefined);
  while (!cluster.get('StatefulSet', 'ada-prod-db')) await new Promise(setImmediate);
  abort.abort();
  await applied;
  startDatabase(cluster);
  await applyProgram(
    cluster.kube,
    settings,
    { provenance: provenance('first'), program: program('1') },
    context,
  );
  cluster.writes.length = 0;
  return cluster;
}

const redeploy = async (cluster: Cluster) => {
  await applyDatabase(cluster.kube, settings, provenance('second'), context);
  return applyProgram(
    cluster.kube,
    settings,
    { provenance: provenance('second'), program: program('2') },
    context,
  );
};

test('a redeploy writes the files and the Deployment, and nothing that is there already', async () => {
  const cluster = await deployed();
  await redeploy(cluster);
  expect(cluster.writes).toEqual(['ConfigMap/ada-prod-digest-of-se', 'Deployment/ada-prod']);
});

test('a redeploy repairs what someone changed', async () => {
  const cluster = await deployed();
  const policy = cluster.get('NetworkPolicy', 'plan-egress') as V1NetworkPolicy;
  cluster.put({ ...policy, spec: { ...policy.spec!, egress: [{}] } } as V1NetworkPolicy);
  const service = cluster.get('Service', 'ada-prod') as V1Service;
  cluster.put({ ...service, spec: { ...service.spec, selector: { app: 'other' } } } as V1Service);
  cluster.put(namespace);
  await redeploy(cluster);
  expect(cluster.writes.sort()).toEqual([
    'ConfigMap/ada-prod-digest-of-se',
    'Deployment/ada-prod',
    'Namespace/user-ada',
    'NetworkPolicy/plan-egress',
    'Service/ada-prod',
  ]);
});

test('fields that the server adds change nothing', async () => {
  const cluster = await deployed();
  const service = cluster.get('Service', 'ada-prod') as V1Service;
  const ports = service.spec!.ports!.map((port) => ({ ...port, protocol: 'TCP' }));
  cluster.put({ ...service, spec: { ...service.spec, ports, clusterIP: '10.0.0.2' } } as V1Service);
  await redeploy(cluster);
  expect(cluster.writes).not.toContain('Service/ada-prod');
});

describe('a program whose database', () => {
  const environment = (cluster: Cluster) => {
    const { spec } = cluster.get('Deployment', 'ada-prod') as {
      spec?: { template: { spec: { containers: { env: { name: string }[] }[] } } };
    };
    return spec?.template.spec.containers[0]?.env.map(({ name }) => name);
  };
  const changed = (cluster: Cluster, change: Partial<V1StatefulSet>) =>
    cluster.put({ ...cluster.get('StatefulSet', 'ada-prod-db'), ...change });

  it('is new starts with it, and waits for it in its pod', async () => {
    const cluster = await deployed();
    changed(cluster, { status: { observedGeneration: 1, replicas: 1 } });
    await applyProgram(
      cluster.kube,
      settings,
      { provenance: provenance('second'), program: program('2') },
      context,
    );
    expect(environment(cluster)).toContain('DATABASE_STARTS');
  });

  it('is ready does not wait', async () => {
    const cluster = await deployed();
    await redeploy(cluster);
    expect(environment(cluster)).not.toContain('DATABASE_STARTS');
  });

  it('is about to be changed is not applied before that', async () => {
    const cluster = await deployed();
    const abort = new AbortController();
    const applying = applyProgram(
      cluster.kube,
      { ...settings, databaseImage: 'another' },
      { provenance: provenance('second'), program: program('2') },
      { ...context, signal: abort.signal },
    );
    await new Promise((resolve) => setTimeout(resolve, 50));
    abort.abort(new Error('cancelled'));
    await expect(applying).rejects.toThrow('cancelled');
    expect(cluster.writes).not.toContain('Deployment/ada-prod');
  });
});

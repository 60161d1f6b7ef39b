import { randomBytes } from 'node:crypto';
import { freemem, totalmem } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import type { V1Deployment } from '@kubernetes/client-node';
import { connectKubernetes, type Kube } from '../infrastructure/kubernetes/api/client';
import { restrictedContainer, restrictedPod } from '../infrastructure/kubernetes/pods/security';
import { kubectl } from '../test/integration/kubectl';
import { startPlatform } from '../test/integration/platform';
import { stack } from '../test/integration/stack';
import type { Findings } from './findings';
import { table } from './measure';
import { cpuSecondsOfTrees, processesWith } from './processes';
import { askFor, connectTo } from './socket';

/**
 * What idle users cost whose pods are running, each with a test pod, a program that serves and a database.
 * The baseline is as many pods of the same image that sleep and are never probed. Processor time is the
 * additional time of the pods and of all Kubernetes processes; memory is the additional memory of the whole
 * machine.
 */

const USERS = 12;
const PODS_PER_USER = 3;

/** How long to wait for earlier work to finish, in milliseconds. */
const SETTLE_MS = 15_000;

/** Long enough that even the least frequent probe runs equally often for each pod, in milliseconds. */
const WINDOW_MS = 60_000;

const SERVING = `
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
ThreadingHTTPServer(("", int(os.environ["PORT"])), BaseHTTPRequestHandler).serve_forever()
`;

/** Words in the command lines of Kubernetes' processes. Processes of pods descend from containerd's shims. */
const KUBERNETES = [
  'kube-apiserver',
  'kube-controller-manager',
  'kubelet',
  'kube-proxy',
  'etcd',
  'containerd',
];

/** uid of the bare pods. */
const UID = 10_001;

interface Use {
  /** Processors in use. */
  cpus: number;
  bytes: number;
}

export async function benchIdle(): Promise<Findings> {
  const { kubeconfig, kubeContext: context } = stack();
  const kube = connectKubernetes({ kubeconfig, context });
  const id = randomBytes(3).toString('hex');
  const users = Array.from({ length: USERS }, (_, index) => `bench-${id}-${index}`);
  const namespaces = users.map((user) => `user-${user}`);
  const platform = await startPlatform();
  const connection = await connectTo(`${platform.url}?progress=false`, platform.apiKey);
  try {
    const before = await use();
    for (const user of users) await askFor('deployed', connection, { user_id: user, code: SERVING });
    const withUsers = await use();
    await remove(namespaces);

    const between = await use();
    const bare = `bench-${id}-bare`;
    await startBarePods(kube, bare);
    const withBarePods = await use();
    await remove([bare]);

    const user = perUser(before, withUsers);
    const pods = perUser(between, withBarePods);
    table(
      [`one of ${USERS} users`, 'thousandths of a processor', 'MiB', 'processor, times bare pods', 'memory'],
      [
        row(`${PODS_PER_USER} bare pods that sleep`, pods, pods),
        row('test pod, program that serves, database', user, pods),
      ],
    );
    return {
      figures: { user },
      notes: [
        'Processor time is that of the pods and of all processes of Kubernetes, with them and without; memory that of the whole machine.',
      ],
    };
  } finally {
    await connection.close();
    await platform.stop();
    await kubectl('delete', 'namespace', ...namespaces, '--wait=false', '--ignore-not-found');
  }
}

async function use(): Promise<Use> {
  await pause(SETTLE_MS);
  const roots = KUBERNETES.flatMap((name) => processesWith(name));
  if (roots.length === 0) throw new Error('Kubernetes has to run on this machine.');
  const [began, before] = [performance.now(), cpuSecondsOfTrees(roots)];
  await pause(WINDOW_MS);
  const seconds = (performance.now() - began) / 1000;
  return { cpus: (cpuSecondsOfTrees(roots) - before) / seconds, bytes: totalmem() - freemem() };
}

const perUser = (without: Use, withThem: Use): Use => ({
  cpus: (withThem.cpus - without.cpus) / USERS,
  bytes: (withThem.bytes - without.bytes) / USERS,
});

const row = (name: string, used: Use, baseline: Use): (string | number)[] => [
  name,
  (used.cpus * 1000).toFixed(1),
  (used.bytes / 2 ** 20).toFixed(0),
  `${(used.cpus / baseline.cpus).toFixed(1)}x`,
  `${(used.bytes / baseline.bytes).toFixed(1)}x`,
];

async function startBarePods(kube: Kube, namespace: string): Promise<void> {
  await kube.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  await kubectl('wait', '--for=create', 'serviceaccount/default', '-n', namespace, '--timeout=60s');
  const labels = { app: 'bare' };
  const deployment: V1Deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'bare', namespace },
    spec: {
      replicas: USERS * PODS_PER_USER,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...restrictedPod(UID),
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'bare',
              image: stack().images.test,
              imagePullPolicy: 'IfNotPresent',
              command: ['sleep', 'infinity'],
              securityContext: restrictedContainer(),
            },
          ],
        },
      },
    },
  };
  await kube.objects.create(deployment);
  await kubectl('rollout', 'status', 'deployment/bare', '-n', namespace, '--timeout=300s');
}

async function remove(namespaces: string[]): Promise<void> {
  await kubectl('delete', 'namespace', ...namespaces, '--timeout=300s');
}

/**
 * `npm run bench -- deploy`: the time from the frame to `deployed`, for a user's first deploy and for redeploys, compared
 * with `kubectl apply` and `kubectl rollout status` of the same manifests in a separate namespace. The two alternate. The
 * share of Kubernetes is the time that the submission waited for pods: the stages apply_database and await_rollout.
 */
import { execFile } from 'node:child_process';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { dumpYaml } from '@kubernetes/client-node';
import type { KubernetesObject } from '@kubernetes/client-node';
import {
  bindingsOf,
  boundsOf,
  userNamespace,
} from '../infrastructure/kubernetes/environment/namespaceManifests';
import { testPod } from '../infrastructure/kubernetes/environment/testPodManifest';
import {
  databaseService,
  databaseStatefulSet,
  passwordSecret,
} from '../infrastructure/kubernetes/production/database/manifests';
import { versionFor } from '../infrastructure/kubernetes/production/database/postgresql';
import {
  filesManifest,
  programDeployment,
  programOf,
  programService,
} from '../infrastructure/kubernetes/production/program/manifests';
import { dnsOf } from '../infrastructure/kubernetes/pods/security';
import { programTemplate } from '../infrastructure/kubernetes/production/program/podTemplate';
import { Client } from '../test/integration/client';
import { kubectl } from '../test/integration/kubectl';
import { startPlatform, type Platform } from '../test/integration/platform';
import { stack } from '../test/integration/stack';
import { ms, percentile, table } from './measure';

const FIRST_DEPLOYS = 3;
const REDEPLOYS = 16;
/** The kubelet looks at pods once a second: each deploy begins at a random time in it. */
const PERIOD_MS = 1_000;
const CODE = (n: number) => `print('deploy ${n}')`;

interface Sample {
  totalMs: number;
  /** The part of `totalMs` spent waiting for pods. */
  kubernetesMs: number;
}

export async function benchDeploy(): Promise<void> {
  const platform = await startPlatform();
  const firstDeploys = { platform: [] as Sample[], kubectl: [] as number[] };
  const redeploys = { platform: [] as Sample[], kubectl: [] as number[] };
  try {
    for (let round = 0; round < FIRST_DEPLOYS; round++) {
      const users = { platform: newUser(), kubectl: newUser() };
      firstDeploys.platform.push(await submit(platform, users.platform, 0));
      firstDeploys.kubectl.push(await timed(() => applyFirst(users.kubectl, 0)));
      for (let n = 1; round === FIRST_DEPLOYS - 1 && n <= REDEPLOYS; n++) {
        redeploys.platform.push(await submit(platform, users.platform, n));
        redeploys.kubectl.push(await timed(() => applyProgram(users.kubectl, n)));
      }
      for (const user of Object.values(users))
        await kubectl('delete', 'namespace', `user-${user}`, '--wait=false');
    }
  } finally {
    await platform.stop();
  }
  table(
    ['from the frame to deployed', 'p50 ms', 'most ms', 'of it Kubernetes', 'kubectl p50 ms', 'ratio'],
    Object.entries({ 'first deploy': firstDeploys, redeploy: redeploys }).map(([name, samples]) => {
      const totals = samples.platform.map(({ totalMs }) => totalMs);
      const shares = samples.platform.map(({ totalMs, kubernetesMs }) => kubernetesMs / totalMs);
      const platformP50 = percentile(totals, 0.5);
      const kubectlP50 = percentile(samples.kubectl, 0.5);
      const share = `${(100 * percentile(shares, 0.5)).toFixed(0)} %`;
      return [
        name,
        ms(platformP50),
        ms(Math.max(...totals)),
        share,
        ms(kubectlP50),
        (platformP50 / kubectlP50).toFixed(2),
      ];
    }),
  );
}

const newUser = () => `bench-${randomBytes(3).toString('hex')}`;

async function timed(work: () => Promise<void>): Promise<number> {
  await wait(Math.random() * PERIOD_MS);
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function submit(platform: Platform, user: string, n: number): Promise<Sample> {
  await wait(Math.random() * PERIOD_MS);
  const client = await Client.connect(platform, '?progress=false');
  const start = performance.now();
  const final = await client.submit(user, CODE(n));
  const totalMs = performance.now() - start;
  await client.close();
  if (final.status !== 'deployed') throw new Error(`Not deployed: ${JSON.stringify(final)}`);
  const { apply_database = 0, await_rollout = 0 } = final.durations_ms as Record<string, number>;
  return { totalMs, kubernetesMs: apply_database + await_rollout };
}

/** Applies what a first deploy creates, in the same order. */
async function applyFirst(user: string, n: number): Promise<void> {
  const namespace = `user-${user}`;
  const provenance = provenanceOf(user, n);
  await apply([userNamespace(user), ...bindingsOf(user), ...boundsOf(user)]);
  // Pods cannot be created without it.
  await kubectl('wait', '--for=create', 'serviceaccount/default', '-n', namespace);
  await apply([testPod(user, { testImage: stack().images.test })]);
  await kubectl('wait', '--for=condition=Ready', `pod/${user}-test`, '-n', namespace);
  await apply([
    passwordSecret(provenance),
    databaseService(provenance),
    databaseStatefulSet(provenance, settings(), versionFor(null, null, settings()), null),
  ]);
  await kubectl('rollout', 'status', `statefulset/${user}-prod-db`, '-n', namespace);
  await applyProgram(user, n);
}

async function applyProgram(user: string, n: number): Promise<void> {
  const provenance = provenanceOf(user, n);
  const code = { language: 'python', files: { 'main.py': CODE(n) }, entrypoint: 'main.py', requirements: [] };
  const program = programOf(provenance);
  const database = `${user}-prod-db`;
  const ip = await kubectl(
    'get',
    'service',
    database,
    '-n',
    `user-${user}`,
    '-o',
    'jsonpath={.spec.clusterIP}',
  );
  const template = programTemplate(
    user,
    program,
    {
      ...code,
      files: ['main.py'],
      network: { hostAliases: [{ ip, hostnames: [database] }], dns: dnsOf(), proxyVariables: [] },
    },
    settings(),
  );
  await apply([
    filesManifest(provenance, code),
    programService(provenance),
    programDeployment(user, program, template, null),
  ]);
  await kubectl('rollout', 'status', `deployment/${user}-prod`, '-n', `user-${user}`);
}

const settings = () => ({ programImage: stack().images.program, databaseImage: stack().images.database });

function provenanceOf(userId: string, n: number) {
  const submissionId = randomUUID();
  const codeDigest = createHash('sha256').update(CODE(n)).digest('hex');
  return { userId, submissionId, workflowId: submissionId, runId: submissionId, codeDigest };
}

/** Runs `kubectl apply -f -`, as a person would. */
async function apply(items: KubernetesObject[]): Promise<void> {
  const { kubectl: command, kubeconfig, kubeContext } = stack();
  const [program, ...args] = command as [string, ...string[]];
  const target = ['--kubeconfig', kubeconfig, '--context', kubeContext];
  const running = promisify(execFile)(program, [...args, ...target, 'apply', '-f', '-']);
  running.child.stdin?.end(items.map((item) => dumpYaml(item)).join('---\n'));
  await running;
}

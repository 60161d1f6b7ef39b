import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '../integration/client';
import { kubectl, removeUsers } from '../integration/kubectl';
import { startPlatform } from '../integration/platform';
import { stack } from '../integration/stack';

/** Pods in gVisor (docs/decisions/gvisor.md). Without the RuntimeClass there is nothing to test. */
const namespace = 'gvisor-trial';
const { images } = stack();
let hasGvisor = false;

const podIn = (name: string, program: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace },
  spec: {
    runtimeClassName: 'gvisor',
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    securityContext: { runAsNonRoot: true, runAsUser: 10_001, seccompProfile: { type: 'RuntimeDefault' } },
    containers: [
      {
        name: 'program',
        image: images.test,
        imagePullPolicy: 'IfNotPresent',
        command: ['python3', '-u', '-c', program],
        securityContext: {
          allowPrivilegeEscalation: false,
          readOnlyRootFilesystem: true,
          capabilities: { drop: ['ALL'] },
        },
      },
    ],
  },
});

const inPod = (name: string, ...command: string[]) =>
  kubectl('exec', name, '-n', namespace, '--', ...command);

async function create(...manifests: object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items: manifests };
  await kubectl('create', '-f', writeTemporary(list));
}

const folder = mkdtempSync(join(tmpdir(), 'gvisor-'));

function writeTemporary(manifest: object): string {
  const file = join(folder, 'manifest.json');
  writeFileSync(file, JSON.stringify(manifest));
  return file;
}

beforeAll(async () => {
  hasGvisor = (await kubectl('get', 'runtimeclass', 'gvisor', '--ignore-not-found')) !== '';
  if (!hasGvisor) return console.warn('This cluster has no RuntimeClass gvisor: nothing is tested here.');
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
  const program = 'import os, time; print(os.uname().release); time.sleep(600)';
  await create(podIn('served', program), podIn('ended', program));
  for (const name of ['served', 'ended'])
    await kubectl('wait', '--for=condition=Ready', `pod/${name}`, '-n', namespace, '--timeout=120s');
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  if (hasGvisor) await kubectl('delete', 'namespace', namespace, '--wait=false');
});

test('a restricted pod of the class runs on the kernel of gVisor, and its log says so', async () => {
  if (!hasGvisor) return;
  expect(await kubectl('logs', 'served', '-n', namespace)).toMatch(/gvisor\n$/);
});

test('a command is run in it, with its output and its exit code', async () => {
  if (!hasGvisor) return;
  expect(await inPod('served', 'python3', '-c', 'import os; print(os.getppid(), os.getuid())')).toBe(
    '0 10001\n',
  );
  await expect(inPod('served', 'python3', '-c', 'raise SystemExit(7)')).rejects.toMatchObject({ code: 7 });
});

describe('programs have namespaces of their own because gVisor differs from Linux:', () => {
  test('an interpreter that its uid may execute but not read does not start', async () => {
    if (!hasGvisor) return;
    await expect(inPod('served', '/opt/test-pod/bin/python3', '-c', 'pass')).rejects.toThrow(
      'permission denied',
    );
  });

  test('the first process of a pod can be ended by another one of it', async () => {
    if (!hasGvisor) return;
    // Whether the command counts as successful depends on which of the two processes is seen to end first.
    await inPod('ended', 'python3', '-c', 'import os; os.kill(1, 9)').catch(() => undefined);
    await kubectl('wait', '--for=jsonpath={.status.phase}=Failed', 'pod/ended', '-n', namespace);
  });
});

test('with TEST_RUNTIME_CLASS=auto, submissions are tested in gVisor, and the final frame says so', async () => {
  if (!hasGvisor) return;
  const userId = 'gvisor-auto';
  const platform = await startPlatform({ TEST_RUNTIME_CLASS: 'auto' });
  try {
    const client = await Client.connect(platform);
    const code = 'import os\nprint(os.uname().release, os.getpid())\nraise SystemExit(3)';
    const final = await client.submit(userId, code);
    expect(final).toMatchObject({ status: 'tests_failed', exit_code: 3, sandbox: 'gvisor' });
    expect(final.stdout).toMatch(/gvisor 2\n$/);
    await client.close();
  } finally {
    await platform.stop();
    await removeUsers(userId);
  }
}, 120_000);

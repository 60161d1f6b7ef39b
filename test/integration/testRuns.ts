import { randomUUID } from 'node:crypto';
import { connectKubernetes } from '../../infrastructure/kubernetes/api/client';
import { createEnvironments } from '../../infrastructure/kubernetes/environment/environments';
import { runtimeFinder } from '../../infrastructure/kubernetes/environment/runtime';
import { loadLanguages } from '../../sandbox/languages/languages';
import { createTestRunner } from '../../infrastructure/kubernetes/testPod/testRunner';
import type { RunReport, RunRequest } from '../../activities/ports';
import { kubectl } from './kubectl';
import { stack } from './stack';

export const limits = {
  wallMs: 5_000,
  memoryBytes: 256 * 1024 * 1024,
  keepOutputBytes: 16_384,
  maxOutputBytes: 10 * 1024 * 1024,
};

export const python = (files: Record<string, string>) => {
  return { language: 'python', files, entrypoint: 'main.py', requirements: [] };
};

export const still = () => ({ signal: AbortSignal.timeout(120_000), heartbeat: () => undefined });

/**
 * Runs in the test pod of a separate user, so that damage does not affect other tests.
 * @param runtime of the pod, as TEST_RUNTIME_CLASS
 */
export function testRuns(userId: string, runtime: 'none' | 'auto' = 'none') {
  const { workerKubeconfig, kubeContext, images } = stack();
  const kube = connectKubernetes({ kubeconfig: workerKubeconfig, context: kubeContext });
  const environments = createEnvironments(kube, {
    testImage: images.test,
    findRuntime: runtimeFinder(kube, runtime),
  });
  const runner = createTestRunner(kube, { languages: loadLanguages() });
  const namespace = `user-${userId}`;
  const pod = `${userId}-test`;

  function request(code: string, overrides: Partial<RunRequest> = {}): RunRequest {
    const submissionId = randomUUID();
    return {
      key: submissionId,
      userId,
      submissionId,
      program: python({ 'main.py': code }),
      command: 'run',
      input: { stdin: '', args: [], env: {} },
      limits,
      ...overrides,
    };
  }

  const run = (code: string, overrides?: Partial<RunRequest>): Promise<RunReport> =>
    runner.run(request(code, overrides), still());

  /** Resolves when the run has started; the run continues. */
  async function running(asked: RunRequest): Promise<void> {
    const begun = new AbortController();
    const heartbeat = (details?: unknown) => {
      if ((details as { state: string }).state === 'running') begun.abort(new Error('WORKER_SHUTDOWN'));
    };
    await runner.run(asked, { signal: begun.signal, heartbeat }).catch(() => undefined);
  }

  async function restarts(): Promise<string> {
    const path = 'jsonpath={.status.containerStatuses[0].restartCount}';
    return kubectl('get', 'pod', pod, '-n', namespace, '-o', path);
  }

  async function remove(): Promise<void> {
    runner.close();
    await kubectl('delete', 'namespace', namespace, '--wait=false');
  }

  return { kube, images, environments, runner, namespace, pod, request, run, running, restarts, remove };
}

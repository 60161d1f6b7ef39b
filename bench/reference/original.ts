import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { restrictedContainer, restrictedPod } from '../../infrastructure/kubernetes/pods/security';
import { stack } from '../../test/integration/stack';

/** uid that the reference's program runs as. */
const UID = 10_001;

/** Starts the stand-in for the original, on the stack's servers. */
export async function startOriginal(): Promise<{ url: string; stop: () => Promise<void> }> {
  const { kubectl, kubeconfig, kubeContext } = stack();
  const command = [...kubectl, '--kubeconfig', kubeconfig, '--context', kubeContext];
  const child = spawn('python3', [join(__dirname, 'original.py')], {
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      KUBECTL: JSON.stringify(command),
      MANIFEST: manifest(),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const ready = once(child.stdout, 'data') as Promise<[Buffer]>;
  const port = await Promise.race([ready.then(([data]) => Number(data.toString())), exited.then(() => NaN)]);
  if (Number.isNaN(port)) throw new Error('bench/reference/original.py ended before it was ready.');
  return {
    url: `ws://127.0.0.1:${port}/ws/code`,
    async stop() {
      child.kill();
      await exited;
    },
  };
}

function manifest(): string {
  const name = '__USER__-reference';
  const labels = { app: 'reference' };
  return JSON.stringify({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name, namespace: 'user-__USER__' },
    spec: {
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          ...restrictedPod(UID),
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: 'program',
              image: stack().images.test,
              imagePullPolicy: 'IfNotPresent',
              command: ['sh', '-c', 'python3 -c "$CODE"; exec sleep infinity'],
              env: [{ name: 'CODE', value: '__CODE__' }],
              securityContext: restrictedContainer(),
            },
          ],
        },
      },
    },
  });
}

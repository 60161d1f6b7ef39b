import { randomUUID } from 'node:crypto';
import type { V1Job } from '@kubernetes/client-node';
import type { Kube } from '../../infrastructure/kubernetes/api/client';
import { restrictedContainer, restrictedPod } from '../../infrastructure/kubernetes/pods/security';
import { waitFor } from '../../infrastructure/kubernetes/api/waiting';
import { stack } from '../../test/integration/stack';

const UID = 10_001;
const DEADLINE_MS = 300_000;

/**
 * Runs code as workflow engines on Kubernetes run a step: creates a Job with the API and watches its end.
 * @returns whether it passed
 */
export async function runAsJob(kube: Kube, userId: string, code: string): Promise<boolean> {
  const namespace = `user-${userId}`;
  const name = `step-${randomUUID().slice(0, 13)}`;
  await kube.objects.create(jobOf(name, namespace, code));
  const passed = await waitFor<{ jobs: V1Job[] }, boolean>(kube, {
    collections: {
      jobs: {
        apiVersion: 'batch/v1',
        kind: 'Job',
        plural: 'jobs',
        namespace,
        fieldSelector: `metadata.name=${name}`,
      },
    },
    check: ({ jobs }) => {
      const ended = jobs[0]?.status?.conditions?.find(
        ({ type, status }) => status === 'True' && (type === 'Complete' || type === 'Failed'),
      );
      return ended && ended.type === 'Complete';
    },
    deadlineMs: DEADLINE_MS,
    signal: AbortSignal.timeout(DEADLINE_MS),
    heartbeat: () => undefined,
  });
  await kube.objects.delete(
    { apiVersion: 'batch/v1', kind: 'Job', metadata: { name, namespace } },
    undefined,
    undefined,
    0,
    undefined,
    'Background',
  );
  if (passed === null) throw new Error(`The Job ${name} did not end in ${DEADLINE_MS / 1000} s.`);
  return passed;
}

function jobOf(name: string, namespace: string, code: string): V1Job {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name, namespace },
    spec: {
      backoffLimit: 0,
      template: {
        spec: {
          ...restrictedPod(UID),
          restartPolicy: 'Never',
          containers: [
            {
              name: 'step',
              image: stack().images.test,
              imagePullPolicy: 'IfNotPresent',
              command: ['python3', '-c', code],
              securityContext: restrictedContainer(),
            },
          ],
        },
      },
    },
  };
}

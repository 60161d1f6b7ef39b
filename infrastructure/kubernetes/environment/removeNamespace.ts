import type { V1Namespace } from '@kubernetes/client-node';
import type { Kube } from '../api/client';
import { attemptToFind, PlatformError } from '../api/errors';
import { namespaceOf } from '../testPod/names';
import { waitFor } from '../api/waiting';

/** A database may take a minute to stop, and its volume takes some time to be deleted. In milliseconds. */
const DEADLINE_MS = 180_000;

/** Deletes a user's namespace with everything in it, and waits until it is gone. */
export async function removeNamespace(
  kube: Kube,
  userId: string,
  { signal, heartbeat }: { signal: AbortSignal; heartbeat: (details?: unknown) => void },
): Promise<void> {
  const name = namespaceOf(userId);
  await attemptToFind(`delete Namespace/${name}`, () => kube.core.deleteNamespace({ name }));
  const gone = await waitFor<{ namespaces: V1Namespace[] }, true>(kube, {
    collections: {
      namespaces: {
        apiVersion: 'v1',
        kind: 'Namespace',
        plural: 'namespaces',
        fieldSelector: `metadata.name=${name}`,
      },
    },
    look: ({ namespaces }) => (namespaces.length === 0 ? true : undefined),
    deadlineMs: DEADLINE_MS,
    signal,
    beat: () => heartbeat({ waitingFor: `the end of ${name}` }),
  });
  if (gone === null)
    throw new PlatformError('Unavailable', `${name} was not gone within ${DEADLINE_MS / 1000} s.`);
}

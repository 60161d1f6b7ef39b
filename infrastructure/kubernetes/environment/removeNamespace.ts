import type { CallContext } from '../../../activities/ports';
import type { Kube } from '../api/client';
import { attemptToFind } from '../api/errors';
import { namespaceOf } from '../testPod/names';
import { waitUntilGone } from '../api/waiting';

/** A database may take a minute to stop, and its volume takes some time to be deleted. In milliseconds. */
const DEADLINE_MS = 180_000;

/** Deletes a user's namespace with everything in it, and waits until it is gone. */
export async function removeNamespace(kube: Kube, userId: string, context: CallContext): Promise<void> {
  const name = namespaceOf(userId);
  await attemptToFind(`delete Namespace/${name}`, () => kube.core.deleteNamespace({ name }));
  await waitUntilGone(
    kube,
    `the end of ${name}`,
    { apiVersion: 'v1', kind: 'Namespace', plural: 'namespaces', fieldSelector: `metadata.name=${name}` },
    DEADLINE_MS,
    context,
  );
}

import type { Kube } from '../../api/client';
import { attemptToFind } from '../../api/errors';
import { namesOf } from '../names';

/** The address of a user's program inside the cluster's network: its Service. Null when there is none. */
export async function programAddress(kube: Kube, userId: string): Promise<string | null> {
  const { namespace, program: name } = namesOf(userId);
  const service = await attemptToFind(`read Service/${name} in ${namespace}`, () =>
    kube.core.readNamespacedService({ namespace, name }),
  );
  return service?.spec?.clusterIP ? `http://${service.spec.clusterIP}` : null;
}

import { NO_EGRESS, type Egress } from '../../config/egress';
import type { Kube } from '../api/client';
import { attemptToFind } from '../api/errors';
import { namespaceOf } from '../testPod/names';

/**
 * Annotation of a user's namespace: what its network policy `plan-egress` allows, as JSON. The gateway reads it,
 * because it may read neither plans nor policies.
 */
const EGRESS_ANNOTATION = 'orchestration-app/egress';

export function egressAnnotation(egress: Egress = NO_EGRESS): Record<string, string> {
  return { [EGRESS_ANNOTATION]: JSON.stringify(egress) };
}

/** What a user's pods may connect to; null without an environment, or with one of version 0.2 or older. */
export async function effectiveEgress(kube: Kube, userId: string): Promise<Egress | null> {
  const name = namespaceOf(userId);
  const namespace = await attemptToFind(`read namespace ${name}`, () => kube.core.readNamespace({ name }));
  const written = namespace?.metadata?.annotations?.[EGRESS_ANNOTATION];
  return written === undefined ? null : (JSON.parse(written) as Egress);
}

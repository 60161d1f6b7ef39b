import type { V1Pod } from '@kubernetes/client-node';
import { podProblem } from '../pods/problem';
import type { Problem } from '../pods/problem';
import { SPEC_ANNOTATION } from './testPodManifest';

/** What to do about a test pod. */
export type Action =
  | { do: 'create' }
  /** The pod is ready and matches the manifest. */
  | { do: 'nothing' }
  /** The pod is outdated or has ended. */
  | { do: 'replace'; because: string }
  /** The pod is starting or terminating; `problem` is what prevents it from becoming ready. */
  | { do: 'wait'; for: 'ready' | 'deletion'; problem: Problem | null };

/**
 * Decides from the pod alone; the caller measures how long a problem or a wait has lasted.
 * @param pod null when it does not exist
 * @param spec hash of the wanted manifest
 */
export function requiredAction(pod: V1Pod | null, spec: string | undefined): Action {
  if (pod === null) return { do: 'create' };
  const { metadata, status } = pod;
  if (metadata?.deletionTimestamp) return { do: 'wait', for: 'deletion', problem: null };
  if (metadata?.annotations?.[SPEC_ANNOTATION] !== spec)
    return { do: 'replace', because: 'it is of an older image or manifest' };
  if (status?.phase === 'Failed' || status?.phase === 'Succeeded')
    return { do: 'replace', because: `it has ended: ${status.reason ?? status.phase}` };
  if (isReady(pod)) return { do: 'nothing' };
  return { do: 'wait', for: 'ready', problem: podProblem(pod) };
}

function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

import type { V1Pod } from '@kubernetes/client-node';
import { podProblem } from '../pods/problem';
import type { Problem } from '../pods/problem';
import { SPEC_ANNOTATION } from './testPodManifest';

/** What has to be done about a test pod. */
export type Action =
  | { do: 'create' }
  /** It works and is as wanted. */
  | { do: 'nothing' }
  /** It will not become what is wanted. */
  | { do: 'replace'; because: string }
  /** It is on its way in or out; `problem` is what keeps it from coming in. */
  | { do: 'wait'; for: 'ready' | 'deletion'; problem: Problem | null };

/**
 * Decides from the pod alone; how long a problem or a wait has lasted is for the caller to measure.
 * @param pod null when there is none
 * @param spec the hash of what is wanted
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

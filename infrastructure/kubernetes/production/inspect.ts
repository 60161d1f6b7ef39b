import type { V1Deployment } from '@kubernetes/client-node';
import type { DeployedProgram, LiveReport } from '../../../activities/ports';
import type { Kube } from '../api/client';
import { hasCompleted } from './program/completed';
import { LIVE_SINCE_ANNOTATION } from './program/live';
import { readDeployment } from './program/program';
import { isStopped } from './program/stopped';
import { programIn } from './provenance';

/** Reports what is in production, according to the Deployment. */
export async function inspectProduction(kube: Kube, userId: string): Promise<LiveReport> {
  const deployment = await readDeployment(kube, userId);
  const annotations = deployment?.metadata?.annotations;
  const live = programIn('live', annotations);
  const current = programIn('current', annotations);
  const rollingOut = current?.runId === live?.runId ? null : current;
  const state = stateOf(deployment, rollingOut);
  return {
    state: state === 'ready' && (await hasCompleted(kube, userId)) ? 'completed' : state,
    live,
    since: (live && annotations?.[LIVE_SINCE_ANNOTATION]) ?? null,
    rollingOut,
  };
}

function stateOf(deployment: V1Deployment | null, rollingOut: DeployedProgram | null): LiveReport['state'] {
  if (deployment === null) return 'nothing';
  if (rollingOut !== null) return 'rolling_out';
  if (isStopped(deployment)) return 'not_ready';
  if (deployment.spec?.replicas === 0) return 'asleep';
  return (deployment.status?.availableReplicas ?? 0) > 0 ? 'ready' : 'not_ready';
}

import type { Kube } from '../client';
import { LIVE_SINCE_ANNOTATION } from './live';
import { readDeployment } from './program';
import { programIn } from './provenance';
import type { DeployedProgram } from './types';

export interface LiveReport {
  live: DeployedProgram | null;
  since: string | null;
  rollingOut: DeployedProgram | null;
}

/** What is in production, by what the Deployment says of itself. */
export async function inspectProduction(kube: Kube, userId: string): Promise<LiveReport> {
  const annotations = (await readDeployment(kube, userId))?.metadata?.annotations;
  const live = programIn('live', annotations);
  const current = programIn('current', annotations);
  return {
    live,
    since: (live && annotations?.[LIVE_SINCE_ANNOTATION]) ?? null,
    rollingOut: current?.runId === live?.runId ? null : current,
  };
}

import type { V1Deployment } from '@kubernetes/client-node';
import { programIn } from '../provenance';

/** The run id of the program that was stopped because it filled its disk again and again. */
export const STOPPED_ANNOTATION = 'orchestration-app/stopped-run';

/** Whether the current program was stopped by the platform. It was then scaled to zero. */
export function isStopped({ metadata, spec }: V1Deployment): boolean {
  const runId = programIn('current', metadata?.annotations)?.runId;
  return spec?.replicas === 0 && runId !== undefined && metadata?.annotations?.[STOPPED_ANNOTATION] === runId;
}

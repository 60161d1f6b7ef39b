import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import type { Egress } from '../../infrastructure/config/egress';
import type { ProductionPod } from '../../infrastructure/kubernetes/production/pods';
import type { Logger } from '../../infrastructure/logging';
import type { DeployedProgram, LiveReport } from '../../workflows/contract';
import { namespaceOf } from '../../workflows/contract';
import { requireUser } from '../submissions/authorizedSubmissions';
import type { Limits } from '../limits';
import { userId } from '../protocol/identifiers';
import { liveBody, type Live } from '../protocol/live';
import type { ProgramUrl } from '../protocol/programUrl';
import { PlatformUnavailable } from '../submissions/submissionService';
import type { Api } from './apiTypes';
import { callerOf } from './caller';
import { json } from './answers';

/** What a user has in production. */
interface Inspection extends LiveReport {
  pods: ProductionPod[];
  /** What the user's pods may connect to; null if that is not known. */
  egress: Egress | null;
}

export interface LiveParts {
  /** Inspects what a user has in production; null if the gateway has no cluster. */
  inspect: ((userId: string) => Promise<Inspection>) | null;
  limits: Pick<Limits, 'callTimeoutMs'>;
  programUrl: ProgramUrl;
}

/** `GET /api/users/{user_id}/live`: what a user has in production, since when, and from which submission. */
export function liveRoute(api: Api, { inspect, limits, programUrl }: LiveParts): void {
  api.get(
    '/api/users/:user_id/live',
    {
      schema: {
        operationId: 'live',
        summary: 'Returns what a user has in production',
        params: z.object({ user_id: userId() }),
        response: { 200: json('What is live, since when, and from which submission.', liveBody) },
      },
      config: { errors: ['invalid_message'] },
    },
    async (request, reply) => {
      const { user_id } = request.params;
      requireUser(callerOf(request), user_id);
      if (inspect === null)
        throw new PlatformUnavailable(
          'No Kubernetes cluster is configured: set KUBECONFIG and KUBE_CONTEXT.',
        );
      const report = await inTime(inspect(user_id), limits.callTimeoutMs, request.log);
      return reply.send(bodyOf(user_id, programUrl(user_id), report));
    },
  );
}

function bodyOf(
  user_id: string,
  url: string | null,
  { state, live, since, rollingOut, pods, egress }: Inspection,
): Live {
  return {
    user_id,
    namespace: namespaceOf(user_id),
    state,
    url,
    since,
    live: live && programOf(live),
    rolling_out: rollingOut && programOf(rollingOut),
    egress: egress && egressOf(egress),
    pods: pods.map(({ submissionId: submission_id, ...pod }) => ({ ...pod, submission_id })),
  };
}

function egressOf({ internet, ranges, hosts }: Egress): Live['egress'] {
  return { internet, ranges: ranges.map(({ cidr, ports = null }) => ({ cidr, ports })), hosts };
}

function programOf({ submissionId, codeDigest, workflowId, runId }: DeployedProgram) {
  return { submission_id: submissionId, code_digest: codeDigest, workflow_id: workflowId, run_id: runId };
}

/** @throws PlatformUnavailable if the cluster refuses, or does not answer in time */
async function inTime<T>(answer: Promise<T>, ms: number, logger: Logger): Promise<T> {
  const over = new AbortController();
  const late = wait(ms, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  try {
    return await Promise.race([answer, late]);
  } catch (error) {
    logger.warn({ err: error }, 'failed to read what is live');
    throw new PlatformUnavailable('the cluster did not answer', { cause: error });
  } finally {
    over.abort();
  }
}

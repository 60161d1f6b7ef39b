import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../../infrastructure/logging';
import type { DeployedProgram, LiveReport } from '../../workflows/contract';
import type { Authenticate } from '../authentication';
import { answer } from '../http';
import { userId as userIdRule } from '../messages/identifiers';
import type { Route } from './route';

const PATH = /^\/api\/users\/([^/]*)\/live$/;
const rule = userIdRule();

export interface LiveParts {
  authenticate: Authenticate;
  /** Looks what a user has in production; null when the gateway knows no cluster. */
  inspect: ((userId: string) => Promise<LiveReport>) | null;
  /** How long that may take, in milliseconds. */
  timeoutMs: number;
  logger: Logger;
}

/** `GET /api/users/{user}/live`: what a user has in production, since when, and from which submission. */
export function liveRoute({ authenticate, inspect, timeoutMs, logger }: LiveParts): Route {
  return (request, response) => {
    const [path = '/'] = (request.url ?? '/').split('?', 1);
    const userId = PATH.exec(path)?.[1];
    if (userId === undefined) return false;
    const refuse = (status: number, error: string, message: string) => {
      answer(response, status, { error, message });
      return true;
    };
    const key = request.headers['x-api-key'];
    if (!authenticate(Array.isArray(key) ? undefined : key))
      return refuse(401, 'unauthorized', 'send a valid key in the header X-API-Key');
    if (request.method !== 'GET' && request.method !== 'HEAD')
      return refuse(405, 'method_not_allowed', 'use GET');
    const valid = rule.safeParse(userId);
    if (!valid.success)
      return refuse(400, 'invalid_parameter', `the user ${valid.error.issues[0]?.message ?? 'is invalid'}`);
    if (inspect === null)
      return refuse(503, 'unavailable', 'this gateway knows no cluster: set KUBECONFIG and KUBE_CONTEXT');
    inTime(inspect(userId), timeoutMs).then(
      (report) => answer(response, 200, bodyOf(userId, report)),
      (error: unknown) => {
        logger.warn({ err: error, userId }, 'what is live could not be read');
        refuse(503, 'unavailable', 'the cluster did not answer: ask again');
      },
    );
    return true;
  };
}

function bodyOf(userId: string, { state, live, since, rollingOut }: LiveReport) {
  return {
    user_id: userId,
    namespace: `user-${userId}`,
    state,
    since,
    live: live && programOf(live),
    rolling_out: rollingOut && programOf(rollingOut),
  };
}

function programOf({ submissionId, codeDigest, workflowId, runId }: DeployedProgram) {
  return { submission_id: submissionId, code_digest: codeDigest, workflow_id: workflowId, run_id: runId };
}

async function inTime<T>(answer: Promise<T>, ms: number): Promise<T> {
  const over = new AbortController();
  const late = wait(ms, undefined, { signal: over.signal }).then(() => {
    throw new Error(`no answer within ${ms} ms`);
  });
  return Promise.race([answer, late]).finally(() => over.abort());
}

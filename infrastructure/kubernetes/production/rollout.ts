import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import type { Kube } from '../client';
import { waitFor } from '../waiting';
import { deadlineProblem, diagnose } from './diagnosis';
import { lastLogLines, recentEvents, telltale } from './evidence';
import { markLive } from './live';
import { namesOf, selectorOf } from './names';
import { Patience } from '../pods/patience';
import type { Problem } from '../pods/problem';
import { submissionOf } from './provenance';
import type { CallContext, DeployedProgram } from './types';

export interface RolloutRequest {
  userId: string;
  program: DeployedProgram;
  /** How long the rollout may take, in milliseconds. */
  deadlineMs: number;
}

export interface RolloutReport {
  outcome: 'live' | 'failed' | 'superseded';
  reason: string | null;
  message: string | null;
  events: string[];
  logs: string;
}

/** How a wait for a program to be live ended, with the objects as they were then. */
export type RolloutEnd =
  | { outcome: 'live'; deployment: V1Deployment }
  | { outcome: 'superseded'; by: string | null; deployment: V1Deployment | null }
  | { outcome: 'failed'; problem: Problem; pods: V1Pod[] };

/**
 * Watches until the program is live, and notes that; or until it cannot become so, or another one took its
 * place. A rollout that cannot heal ends at once and not at its deadline.
 * @throws PlatformError `Unavailable` when the API server cannot be asked at the deadline
 */
export async function awaitRollout(
  kube: Kube,
  { userId, program, deadlineMs }: RolloutRequest,
  context: CallContext,
): Promise<RolloutReport> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    const end = await watchRollout(kube, userId, program, deadline - performance.now(), context);
    switch (end.outcome) {
      case 'live':
        if (await markLive(kube, end.deployment, program)) return reportOf('live');
        break;
      case 'superseded':
        return reportOf('superseded', {
          reason: 'superseded',
          message: `The submission ${end.by ?? '(unknown)'} took its place before it was live.`,
        });
      case 'failed':
        return reportOf('failed', { ...end.problem, ...(await evidenceOf(kube, userId, end)) });
    }
  }
}

/** Watches until the program is live, failed for good, or replaced. Changes nothing. */
export async function watchRollout(
  kube: Kube,
  userId: string,
  program: DeployedProgram,
  deadlineMs: number,
  context: CallContext,
): Promise<RolloutEnd> {
  const { namespace, program: name } = namesOf(userId);
  const patience = new Patience();
  let own: V1Pod[] = [];

  const end = await waitFor<{ deployments: V1Deployment[]; pods: V1Pod[] }, RolloutEnd>(kube, {
    collections: {
      deployments: {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        plural: 'deployments',
        namespace,
        fieldSelector: `metadata.name=${name}`,
      },
      pods: {
        apiVersion: 'v1',
        kind: 'Pod',
        plural: 'pods',
        namespace,
        labelSelector: selectorOf(userId, 'program'),
      },
    },
    deadlineMs,
    signal: context.signal,
    beat: () => context.heartbeat({ waitingFor: name, pods: own.map(describePod) }),
    look: ({ deployments, pods }) => {
      const deployment = deployments[0] ?? null;
      own = pods.filter((pod) => submissionOf(pod.metadata?.annotations) === program.submissionId);
      const diagnosis = diagnose(deployment, pods, program.submissionId);
      switch (diagnosis.state) {
        case 'live':
          return deployment === null ? undefined : { outcome: 'live', deployment };
        case 'superseded':
          return { outcome: 'superseded', by: diagnosis.by, deployment };
        case 'waiting':
          if (!patience.isOver(diagnosis.problem) || diagnosis.problem === null) return undefined;
          return { outcome: 'failed', problem: diagnosis.problem, pods: own };
      }
    },
  });
  return end ?? { outcome: 'failed', problem: tooLate(deadlineMs, own), pods: own };
}

function tooLate(deadlineMs: number, pods: V1Pod[]): Problem {
  const seconds = Math.round(deadlineMs / 1000);
  const state = pods.map(describePod).join('; ') || 'no pod was made';
  const problem = deadlineProblem(`It was not ready within ${seconds} s: ${state}.`);
  return { ...problem, pod: pods.at(-1)?.metadata?.name ?? null };
}

/** `test-prod-7d9f-x2x Running, not ready, 1 restart` */
function describePod({ metadata, status }: V1Pod): string {
  const container = status?.containerStatuses?.[0];
  const waiting = container?.state?.waiting?.reason;
  return [
    `${metadata?.name} ${waiting ?? status?.phase ?? 'unknown'}`,
    container?.ready ? 'ready' : 'not ready',
    `${container?.restartCount ?? 0} restarts`,
  ].join(', ');
}

async function evidenceOf(
  kube: Kube,
  userId: string,
  { problem, pods }: { problem: Problem; pods: V1Pod[] },
): Promise<Pick<RolloutReport, 'events' | 'logs'>> {
  const failing = pods.find((pod) => pod.metadata?.name === problem.pod);
  const [events, logs] = await Promise.all([
    recentEvents(kube, namesOf(userId).namespace, pods),
    failing === undefined ? '' : lastLogLines(kube, failing, telltale(failing)),
  ]);
  return { events, logs };
}

function reportOf(outcome: RolloutReport['outcome'], rest: Partial<RolloutReport> = {}): RolloutReport {
  const { reason = null, message = null, events = [], logs = '' } = rest;
  return { outcome, reason, message, events, logs };
}

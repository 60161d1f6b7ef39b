import type { V1Deployment, V1Pod } from '@kubernetes/client-node';
import type {
  CallContext,
  DeployedProgram,
  RolloutReport,
  RolloutRequest,
} from '../../../../activities/ports';
import { linkedAbort } from '../../../linkedAbort';
import type { Kube } from '../../api/client';
import { waitFor } from '../../api/waiting';
import { deadlineProblem, diagnose } from './diagnosis';
import { lastLogLines, recentEvents, failingContainer } from './failureDetails';
import { failureMessage } from './failureMessage';
import { markLive } from '../program/live';
import { waitForMissingDependency } from './dependencies';
import { replicaSetsOf } from '../program/revision';
import { namesOf, selectorOf } from '../names';
import { GracePeriod } from '../../pods/gracePeriod';
import type { Problem } from '../../pods/problem';
import { submissionOf } from '../provenance';

/**
 * How long a pod may take to be scheduled, to pull its image and to install its requirements, in
 * milliseconds: the Deployment's own progressDeadlineSeconds. A final problem ends the wait sooner.
 */
const START_MS = 600_000;

/** How waiting for a program to be live ended, with the objects at that time. */
export type RolloutEnd =
  | { outcome: 'live'; deployment: V1Deployment }
  | { outcome: 'superseded'; by: string | null; deployment: V1Deployment | null }
  | { outcome: 'failed'; problem: Problem; pods: V1Pod[] };

/**
 * Watches until the program is live, and records that; or until it has failed, or another one replaced it. A
 * final problem ends the rollout at once, not at its deadline.
 * @throws PlatformError `Unavailable` when the API server is unreachable at the deadline
 */
export async function awaitRollout(
  kube: Kube,
  { userId, program, deadlineMs }: RolloutRequest,
  context: CallContext,
): Promise<RolloutReport> {
  for (;;) {
    const end = await watchRollout(kube, userId, program, deadlineMs, context);
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
        return failed(end.problem, await evidenceOf(kube, userId, program, end));
    }
  }
}

/**
 * Watches until the program is live, has failed, or was replaced. Changes nothing.
 * @param deadlineMs counted from the start of the program, which is not responsible for a busy cluster
 */
export async function watchRollout(
  kube: Kube,
  userId: string,
  program: DeployedProgram,
  deadlineMs: number,
  context: CallContext,
): Promise<RolloutEnd> {
  const over = linkedAbort([context.signal]);
  const { signal } = over;
  try {
    return await Promise.race([
      watchPods(kube, userId, program, deadlineMs, { ...context, signal }),
      waitForMissingDependency(kube, userId, program, signal).then((missing): RolloutEnd => ({
        outcome: 'failed',
        problem: removed(missing),
        pods: [],
      })),
    ]);
  } finally {
    over.abort();
  }
}

function removed(what: string): Problem {
  return { reason: 'removed', message: `${what}, which its pods need, was removed.`, pod: null, graceMs: 0 };
}

async function watchPods(
  kube: Kube,
  userId: string,
  program: DeployedProgram,
  deadlineMs: number,
  context: CallContext,
): Promise<RolloutEnd> {
  const { namespace, program: name } = namesOf(userId);
  const gracePeriod = new GracePeriod();
  let own: V1Pod[] = [];
  let startedAt: number | null = null;

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
    deadlineMs: START_MS + deadlineMs,
    signal: context.signal,
    heartbeat: () => context.heartbeat({ waitingFor: name, pods: own.map(describePod) }),
    check: ({ deployments, pods }) => {
      const deployment = deployments[0] ?? null;
      own = pods.filter((pod) => submissionOf(pod.metadata?.annotations) === program.submissionId);
      const diagnosis = diagnose(deployment, pods, program.submissionId);
      switch (diagnosis.state) {
        case 'live':
          return deployment === null ? undefined : { outcome: 'live', deployment };
        case 'superseded':
          return { outcome: 'superseded', by: diagnosis.by, deployment };
        case 'waiting':
          if (diagnosis.problem !== null && gracePeriod.isOver(diagnosis.problem))
            return { outcome: 'failed', problem: diagnosis.problem, pods: own };
          if (own.some(hasStarted)) startedAt ??= performance.now();
          if (startedAt === null || performance.now() - startedAt < deadlineMs) return undefined;
          return { outcome: 'failed', problem: notReady(deadlineMs, own), pods: own };
      }
    },
  });
  return end ?? { outcome: 'failed', problem: notStarted(own), pods: own };
}

function notReady(deadlineMs: number, pods: V1Pod[]): Problem {
  return tooLate(`It was not ready within ${Math.round(deadlineMs / 1000)} s of its start`, pods);
}

function notStarted(pods: V1Pod[]): Problem {
  return tooLate(`It was not started within ${START_MS / 1000} s`, pods);
}

function tooLate(what: string, pods: V1Pod[]): Problem {
  const state = pods.map(describePod).join('; ') || 'no pod was made';
  return { ...deadlineProblem(`${what}: ${state}.`), pod: pods.at(-1)?.metadata?.name ?? null };
}

/** Whether a container of the pod has run, even if it does not run now. The program's time starts then. */
function hasStarted({ status }: V1Pod): boolean {
  return (
    status?.containerStatuses?.some(
      ({ state, lastState, restartCount }) =>
        restartCount > 0 || [state?.running, state?.terminated, lastState?.terminated].some(Boolean),
    ) ?? false
  );
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
  program: DeployedProgram,
  { problem, pods }: { problem: Problem; pods: V1Pod[] },
): Promise<Pick<RolloutReport, 'events' | 'logs'>> {
  const failing = pods.find((pod) => pod.metadata?.name === problem.pod);
  const [events, logs] = await Promise.all([
    eventsOf(kube, userId, program, pods),
    failing === undefined ? '' : lastLogLines(kube, failing, failingContainer(failing)),
  ]);
  return { events, logs };
}

/** If the cluster refuses the program's pods, the events of its ReplicaSet show why. */
async function eventsOf(
  kube: Kube,
  userId: string,
  { submissionId }: DeployedProgram,
  pods: V1Pod[],
): Promise<string[]> {
  const { namespace } = namesOf(userId);
  if (pods.length > 0) return recentEvents(kube, namespace, pods);
  const sets = await replicaSetsOf(kube, userId);
  return recentEvents(
    kube,
    namespace,
    sets.filter(({ spec }) => submissionOf(spec?.template?.metadata?.annotations) === submissionId),
  );
}

function failed(problem: Problem, evidence: Pick<RolloutReport, 'events' | 'logs'>): RolloutReport {
  const { reason } = problem;
  return { outcome: 'failed', reason, message: failureMessage(problem, evidence.logs), ...evidence };
}

function reportOf(outcome: RolloutReport['outcome'], rest: Partial<RolloutReport> = {}): RolloutReport {
  const { reason = null, message = null, events = [], logs = '' } = rest;
  return { outcome, reason, message, events, logs };
}

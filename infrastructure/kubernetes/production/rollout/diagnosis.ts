import type { V1Deployment, V1DeploymentCondition, V1Pod } from '@kubernetes/client-node';
import { podProblem } from '../../pods/problem';
import type { Problem } from '../../pods/problem';
import { submissionOf } from '../provenance';

/** The state of a rollout. */
export type Diagnosis =
  | { state: 'live' }
  /** Another submission's program was applied over this one. */
  | { state: 'superseded'; by: string | null }
  /** In progress. A problem ends the rollout if it lasts longer than its grace period. */
  | { state: 'waiting'; problem: Problem | null };

/** Pods of the old revision count against the quota until they are gone. */
const QUOTA_GRACE_MS = 15_000;

/**
 * Reads the state of a submission's rollout from the objects. Pure: the caller measures how long a problem
 * has lasted, so that no two clocks are compared.
 * @param deployment null when it does not exist
 * @param pods the program's pods, of any revision
 */
export function diagnose(deployment: V1Deployment | null, pods: V1Pod[], submissionId: string): Diagnosis {
  if (deployment === null) return { state: 'waiting', problem: removed };
  const current = submissionOf(deployment.metadata?.annotations);
  if (current !== submissionId) return { state: 'superseded', by: current };
  if (!observed(deployment)) return { state: 'waiting', problem: null };
  if (complete(deployment) || replaced(deployment, pods, submissionId)) return { state: 'live' };
  return { state: 'waiting', problem: problemOf(deployment, pods, submissionId) };
}

/** False while the status is still that of an earlier specification. */
function observed({ metadata, status }: V1Deployment): boolean {
  return (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0);
}

/** All pods are of the new revision and available; pods that are shutting down get no requests and do not count. */
function complete({ spec, status }: V1Deployment): boolean {
  const wanted = spec?.replicas ?? 1;
  const { updatedReplicas = 0, replicas = 0, availableReplicas = 0 } = status ?? {};
  return updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted;
}

/**
 * The same according to the pods, which the Deployment's status follows with a delay: as many of the new revision are
 * ready as there should be, and all others are shutting down or have ended.
 */
function replaced({ spec }: V1Deployment, pods: V1Pod[], submissionId: string): boolean {
  const remaining = pods.filter(
    ({ metadata, status }) =>
      !metadata?.deletionTimestamp && status?.phase !== 'Failed' && status?.phase !== 'Succeeded',
  );
  const wanted = spec?.replicas ?? 1;
  return (
    wanted > 0 &&
    remaining.length === wanted &&
    remaining.every((pod) => submissionOf(pod.metadata?.annotations) === submissionId && isReady(pod))
  );
}

function isReady({ status }: V1Pod): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
}

function problemOf(deployment: V1Deployment, pods: V1Pod[], submissionId: string): Problem | null {
  for (const pod of pods) {
    if (submissionOf(pod.metadata?.annotations) !== submissionId || pod.metadata?.deletionTimestamp) continue;
    const problem = podProblem(pod);
    if (problem !== null) return problem;
  }
  const conditions = deployment.status?.conditions ?? [];
  const refused = conditions.find(({ type, status }) => type === 'ReplicaFailure' && status === 'True');
  if (refused) return refusal(refused);
  const late = conditions.find(
    ({ type, reason }) => type === 'Progressing' && reason === 'ProgressDeadlineExceeded',
  );
  return late ? deadlineProblem(late.message ?? 'The deployment made no progress.') : null;
}

/** The cluster refused to create the pod. */
function refusal({ message = 'no reason given' }: V1DeploymentCondition): Problem {
  const quota = message.includes('exceeded quota');
  return {
    reason: quota ? 'quota' : 'rejected_by_cluster',
    message: `The cluster refuses the pod: ${message}`,
    pod: null,
    graceMs: QUOTA_GRACE_MS,
  };
}

/** The problem of a rollout that took too long. */
export function deadlineProblem(message: string): Problem {
  return { reason: 'deadline_exceeded', message, pod: null, graceMs: 0 };
}

const removed: Problem = {
  reason: 'removed',
  message: 'Its Deployment was deleted while it was rolling out.',
  pod: null,
  graceMs: 0,
};

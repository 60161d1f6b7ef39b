import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { diskEviction } from './eviction';

/** Why something cannot become ready, as a stable word. Clients see these. */
export type ProblemReason =
  | 'crash_loop'
  | 'requirements_failed'
  | 'out_of_memory'
  | 'out_of_disk'
  | 'image_error'
  | 'config_error'
  | 'unschedulable'
  | 'quota'
  | 'rejected_by_cluster'
  | 'removed'
  | 'deadline_exceeded';

export interface Problem {
  reason: ProblemReason;
  /** The problem as a sentence for people. */
  message: string;
  /** The pod whose log contains more, if there is one. */
  pod: string | null;
  /** How long the problem must last before it is final, in milliseconds: some resolve by themselves. */
  graceMs: number;
}

/** A node may be joining, or another pod may be terminating. */
const UNSCHEDULABLE_GRACE_MS = 20_000;

/** A Secret or ConfigMap may reach the kubelet after the pod, and on a busy machine much later. */
const CONFIG_GRACE_MS = 30_000;

/** The scheduler's message while a volume is created: not a lack of capacity, however long it takes. */
const UNBOUND_VOLUME = /unbound immediate PersistentVolumeClaims/;

/** The kubelet's reasons for an image that it cannot get. Not ErrImagePull: after that it tries again. */
const IMAGE_REASONS = ['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull', 'ImageInspectError'];

const CONFIG_REASONS = ['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'];

/**
 * The problem that prevents a pod from becoming ready, if waiting will not resolve it. A container may fail
 * once, for example because its database is restarting. When it fails again, it is a crash loop.
 */
export function podProblem(pod: V1Pod): Problem | null {
  const name = pod.metadata?.name ?? '?';
  const eviction = diskEviction(pod);
  if (eviction !== null)
    return {
      reason: 'out_of_disk',
      message:
        `The pod ${name} was evicted because it wrote more to its disk than it may. ${eviction} ` +
        'Delete files that are no longer needed, print less, or store data in the database.',
      pod: name,
      graceMs: 0,
    };
  const unscheduled = pod.status?.conditions?.find(
    (condition) => condition.type === 'PodScheduled' && condition.status === 'False',
  );
  if (unscheduled?.reason === 'Unschedulable' && !UNBOUND_VOLUME.test(unscheduled.message ?? ''))
    return {
      reason: 'unschedulable',
      message: `No node can take the pod ${name}: ${unscheduled.message ?? 'no reason given'}`,
      pod: null,
      graceMs: UNSCHEDULABLE_GRACE_MS,
    };
  for (const status of pod.status?.initContainerStatuses ?? []) {
    const problem = containerProblem(name, status);
    if (problem !== null) return problem.reason === 'crash_loop' ? requirementsProblem(problem) : problem;
  }
  for (const status of pod.status?.containerStatuses ?? []) {
    const problem = containerProblem(name, status);
    if (problem !== null) return problem;
  }
  return null;
}

/** The only init container is the one that installs requirements. */
function requirementsProblem(problem: Problem): Problem {
  const message = `The requirements could not be installed in production. ${problem.message}`;
  return { ...problem, reason: 'requirements_failed', message };
}

function containerProblem(pod: string, status: V1ContainerStatus): Problem | null {
  const waiting = status.state?.waiting;
  const text = `${waiting?.reason ?? ''}${waiting?.message ? `: ${waiting.message}` : ''}`;
  if (waiting && IMAGE_REASONS.includes(waiting.reason ?? ''))
    return {
      reason: 'image_error',
      message: `The image ${status.image} cannot be used: ${text}`,
      pod: null,
      graceMs: 0,
    };
  if (waiting && CONFIG_REASONS.includes(waiting.reason ?? ''))
    return {
      reason: 'config_error',
      message: `The container ${status.name} cannot be started: ${text}`,
      pod: null,
      graceMs: CONFIG_GRACE_MS,
    };
  return crashProblem(pod, status);
}

function crashProblem(pod: string, status: V1ContainerStatus): Problem | null {
  const { state, lastState, restartCount, ready } = status;
  const end = state?.terminated ?? lastState?.terminated;
  if (end === undefined || end.exitCode === 0 || ready) return null;
  const failedAgain =
    restartCount >= 2 ||
    (restartCount >= 1 && state?.terminated !== undefined) ||
    state?.waiting?.reason === 'CrashLoopBackOff';
  if (!failedAgain) return null;
  if (end.reason === 'OOMKilled')
    return {
      reason: 'out_of_memory',
      message: `The container ${status.name} used more memory than its limit, again after a restart.`,
      pod,
      graceMs: 0,
    };
  return {
    reason: 'crash_loop',
    message: `${crashed(status.name)} with exit code ${end.exitCode}, again after a restart.`,
    pod,
    graceMs: 0,
  };
}

/** `program` is the name of the container of users' programs (production/names.ts). */
function crashed(container: string): string {
  return container === 'program' ? 'Your program crashed in production' : `The container ${container} ended`;
}

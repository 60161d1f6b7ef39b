import type {
  V1ContainerState,
  V1ContainerStatus,
  V1Deployment,
  V1DeploymentStatus,
  V1Pod,
  V1PodStatus,
} from '@kubernetes/client-node';

/** Objects as a cluster reports them during a rollout, reduced to the fields that are read. */

export const SUBMISSION = 'sub-new';
const annotations = { 'orchestration-app/submission-id': SUBMISSION };

/** A Deployment whose controller has observed its latest specification, but has not acted on it yet. */
export function deployment(status: V1DeploymentStatus = {}, submission = SUBMISSION): V1Deployment {
  return {
    metadata: {
      name: 'test-prod',
      generation: 4,
      annotations: { 'orchestration-app/submission-id': submission },
    },
    spec: { replicas: 1, selector: {}, template: {} },
    status: { observedGeneration: 4, ...status },
  };
}

/** Old and new pod exist; only the old one is available. */
export const SURGING: V1DeploymentStatus = {
  replicas: 2,
  updatedReplicas: 1,
  readyReplicas: 1,
  availableReplicas: 1,
  unavailableReplicas: 1,
};

export const SETTLED: V1DeploymentStatus = {
  replicas: 1,
  updatedReplicas: 1,
  readyReplicas: 1,
  availableReplicas: 1,
};

export function pod(status: V1PodStatus, metadata: V1Pod['metadata'] = {}): V1Pod {
  return {
    metadata: { name: 'test-prod-7d9f-x2x', namespace: 'user-test', annotations, ...metadata },
    status,
  };
}

/** A pod whose only container is in this state. */
export function podWith(
  state: V1ContainerState,
  { restartCount = 0, lastState = {}, ready = false }: Partial<V1ContainerStatus> = {},
  metadata: V1Pod['metadata'] = {},
): V1Pod {
  const container = {
    name: 'program',
    image: 'program:1',
    imageID: '',
    restartCount,
    ready,
    state,
    lastState,
  };
  return pod({ phase: 'Running', containerStatuses: [container] }, metadata);
}

export const FAILED: V1ContainerState = { terminated: { exitCode: 1, reason: 'Error' } };
export const RUNNING: V1ContainerState = { running: {} };

export function waitingFor(reason: string, message?: string): V1ContainerState {
  return { waiting: { reason, ...(message !== undefined && { message }) } };
}

import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import type { Kube } from '../api/client';
import { attemptToFind } from '../api/errors';
import { podProblem } from '../pods/problem';
import { DATABASE_CONTAINER, namesOf, PROGRAM_CONTAINER, type Component } from './names';
import { submissionOf } from './provenance';

/** One pod of a user's production. */
export interface ProductionPod {
  name: string;
  component: 'program' | 'database' | 'migration';
  /** The submission that its program comes from; null for the database. */
  submissionId: string | null;
  state: 'pending' | 'starting' | 'running' | 'ready' | 'failing' | 'ended' | 'leaving';
  restarts: number;
  /** What prevents it from being ready, in a sentence; null if nothing does. */
  message: string | null;
  /** When it was created, ISO 8601. */
  since: string | null;
}

const COMPONENTS: Partial<Record<Component, ProductionPod['component']>> = {
  program: 'program',
  db: 'database',
  migration: 'migration',
};

/** The pods of a user's program, migrations and database, oldest first. */
export async function productionPods(kube: Kube, userId: string): Promise<ProductionPod[]> {
  const { namespace } = namesOf(userId);
  const pods = await attemptToFind(`list pods in ${namespace}`, () =>
    kube.core.listNamespacedPod({ namespace, labelSelector: 'app=prod' }),
  );
  return (pods?.items ?? [])
    .flatMap((pod) => podOf(pod) ?? [])
    .sort((one, other) => order(one) - order(other));
}

const order = ({ since }: ProductionPod) => Date.parse(since ?? '') || 0;

export function podOf(pod: V1Pod): ProductionPod | null {
  const { name = '', labels, annotations, creationTimestamp } = pod.metadata ?? {};
  const component = COMPONENTS[labels?.component as Component];
  if (component === undefined) return null;
  const container = component === 'database' ? DATABASE_CONTAINER : PROGRAM_CONTAINER;
  const status = pod.status?.containerStatuses?.find((each) => each.name === container);
  const problem = podProblem(pod);
  return {
    name,
    component,
    submissionId: component === 'database' ? null : submissionOf(annotations),
    state: stateOf(pod, status, problem !== null),
    restarts: status?.restartCount ?? 0,
    message: problem?.message ?? null,
    since: creationTimestamp ? new Date(creationTimestamp).toISOString() : null,
  };
}

function stateOf(
  { metadata, status }: V1Pod,
  container: V1ContainerStatus | undefined,
  fails: boolean,
): ProductionPod['state'] {
  if (metadata?.deletionTimestamp) return 'leaving';
  if (status?.phase === 'Failed' && fails) return 'failing';
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return 'ended';
  if (fails) return 'failing';
  if (!status?.conditions?.some(({ type, status }) => type === 'PodScheduled' && status === 'True'))
    return 'pending';
  if (!container?.state?.running) return 'starting';
  return container.ready ? 'ready' : 'running';
}

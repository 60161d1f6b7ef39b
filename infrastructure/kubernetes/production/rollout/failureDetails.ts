import type { CoreV1Event, KubernetesObject, V1ObjectMeta, V1Pod } from '@kubernetes/client-node';
import type { Kube } from '../../api/client';
import { attempt, PlatformError } from '../../api/errors';
import { PROGRAM_CONTAINER } from '../names';

/** Failure details are part of the verdict: a few lines that show the cause, not an archive. */
const MAX_EVENTS = 10;
const MAX_EVENT_CHARACTERS = 300;
const MAX_LOG_LINES = 30;
const MAX_LOG_CHARACTERS = 4_096;

/** @returns the Kubernetes events of the objects and of their owners, newest last */
export async function recentEvents(
  kube: Kube,
  namespace: string,
  objects: KubernetesObject[],
): Promise<string[]> {
  const { items } = await attempt(`list events in ${namespace}`, () =>
    kube.core.listNamespacedEvent({ namespace }),
  );
  return eventLines(items, objects);
}

/** Like {@link recentEvents}, with events that were already read. */
export function eventLines(events: CoreV1Event[], objects: KubernetesObject[]): string[] {
  const concerned = new Set(objects.flatMap(({ metadata }) => [metadata?.uid, ...ownersOf(metadata)]));
  return events
    .filter(({ involvedObject }) => involvedObject.uid !== undefined && concerned.has(involvedObject.uid))
    .sort((one, other) => timeOf(one) - timeOf(other))
    .slice(-MAX_EVENTS)
    .map(lineOf);
}

/** @returns the container of a program's pod whose log shows why the pod is not ready */
export function failingContainer({ status }: V1Pod): string {
  const unfinished = status?.initContainerStatuses?.find(({ state }) => state?.terminated?.exitCode !== 0);
  return unfinished?.name ?? PROGRAM_CONTAINER;
}

/** @returns the last lines of a container, of its previous instance if the current one has not started */
export async function lastLogLines(kube: Kube, pod: V1Pod, container: string): Promise<string> {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const status = [...initContainerStatuses, ...containerStatuses].find(({ name }) => name === container);
  const previous = status?.state?.waiting !== undefined && status.restartCount > 0;
  try {
    const log = await attempt(`read the log of ${name}`, () =>
      kube.core.readNamespacedPodLog({ name, namespace, container, previous, tailLines: MAX_LOG_LINES }),
    );
    return log.slice(-MAX_LOG_CHARACTERS);
  } catch (error) {
    if (!isGone(error)) throw error;
    return status?.lastState?.terminated?.message ?? '';
  }
}

/** Whether the pod was deleted, or its container's log, for which the API answers 400. */
function isGone(error: unknown): boolean {
  return error instanceof PlatformError && (error.status === 404 || error.status === 400);
}

function ownersOf(metadata: V1ObjectMeta | undefined): string[] {
  return metadata?.ownerReferences?.map((owner) => owner.uid) ?? [];
}

function lineOf({ type, reason, message, involvedObject }: CoreV1Event): string {
  const line = `${type} ${reason} ${involvedObject.kind}/${involvedObject.name}: ${message}`;
  return line.slice(0, MAX_EVENT_CHARACTERS);
}

function timeOf({ lastTimestamp, eventTime, firstTimestamp }: CoreV1Event): number {
  return new Date(lastTimestamp ?? eventTime ?? firstTimestamp ?? 0).getTime();
}

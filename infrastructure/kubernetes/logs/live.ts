import { setTimeout as wait } from 'node:timers/promises';
import type { V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { linkedAbort } from '../../linkedAbort';
import type { Logger } from '../../logging';
import type { Kube } from '../api/client';
import { attemptToFind } from '../api/errors';
import { runInformer } from '../api/informer';
import { namespaceOf } from '../testPod/names';
import { AsyncQueue } from '../../asyncQueue';
import { podLineOf, type PodLine } from './line';
import { CONTAINER_OF, SELECTOR_OF, type LogPart } from './parts';
import type { LogOffsets } from './logOffsets';
import { linesOf, openLog, type LogAddress } from './stream';

/** At most this many pods of a part are read, the youngest. No user has more. */
const MAX_PODS = 20;

/** Text that may be buffered for a slow reader, in characters, in addition to what the connections buffer. */
const WAITING_CHARACTERS = 262_144;

/** Pause before an interrupted log is opened again, in milliseconds. */
const PAUSE = { first: 200, factor: 2, longest: 2_000 };

export interface Tail {
  /** Only lines from this time on, in the form of `PodLine.at`; null for all. */
  since: string | null;
  /** Maximum number of lines per pod; the last ones are returned. */
  lines: number;
  signal: AbortSignal;
}

/** The logs of existing pods. */
export interface LiveLogs {
  /** The lines of a part's pods, in order per pod. @throws Error when the cluster does not answer */
  tail(userId: string, part: LogPart, tail: Tail): Promise<PodLine[]>;
  /**
   * What the pods print from the given offsets on, including pods that are created later, until the signal is
   * aborted. Waits for an API server that is unavailable. @throws Error when a retry cannot help
   */
  follow(
    userId: string,
    part: LogPart,
    from: { offsets: LogOffsets; since: string | null; signal: AbortSignal; logger: Logger },
  ): AsyncGenerator<PodLine[]>;
}

export function createLiveLogs(kube: Kube): LiveLogs {
  return {
    async tail(userId, part, tail) {
      const namespace = namespaceOf(userId);
      const pods = await attemptToFind(`list pods in ${namespace}`, () =>
        kube.core.listNamespacedPod({ namespace, labelSelector: SELECTOR_OF[part] }),
      );
      const logs = await Promise.all(youngest(pods?.items ?? []).map((pod) => tailOf(kube, pod, part, tail)));
      return logs.flat();
    },

    async *follow(userId, part, { offsets, since, signal, logger }) {
      const stop = linkedAbort([signal]);
      const ended = stop.signal;
      const lines = new AsyncQueue<PodLine[]>(WAITING_CHARACTERS);
      const followed = new Set<string>();
      const present = new Map<string, V1ContainerStatus>();
      const changed = (pods: V1Pod[]) => {
        present.clear();
        for (const pod of youngest(pods)) {
          const status = statusOf(pod, part);
          const instance = instanceOf(pod, status);
          if (status === undefined || instance === null) continue;
          present.set(instance, status);
          if (followed.has(instance)) continue;
          followed.add(instance);
          const log = { kube, address: addressOf(pod, part), offsets, since, signal: ended, logger };
          void followContainer(log, lines, () => present.get(instance)?.state?.running !== undefined);
        }
      };
      const collection = {
        ...{ apiVersion: 'v1', kind: 'Pod', plural: 'pods', namespace: namespaceOf(userId) },
        labelSelector: SELECTOR_OF[part],
      };
      const unreachable = (error: Error) => logger.debug({ err: error }, 'failed to watch pods');
      runInformer<V1Pod>(kube, collection, ended, changed, unreachable).then(
        () => lines.close(),
        (error: Error) => lines.close(error),
      );
      ended.addEventListener('abort', () => lines.close());
      try {
        yield* lines.take();
      } finally {
        stop.abort();
        lines.close();
      }
    },
  };
}

interface ContainerLog {
  kube: Kube;
  address: LogAddress;
  offsets: LogOffsets;
  since: string | null;
  signal: AbortSignal;
  logger: Logger;
}

/** Follows one container to its end, and reconnects when a connection breaks. */
async function followContainer(
  { kube, address, offsets, since, signal, logger }: ContainerLog,
  lines: AsyncQueue<PodLine[]>,
  isRunning: () => boolean,
): Promise<void> {
  const { pod } = address;
  for (let pause = PAUSE.first; !signal.aborted; pause = Math.min(pause * PAUSE.factor, PAUSE.longest)) {
    try {
      const isNew = offsets.reading();
      const from = offsets.of(pod)?.at ?? since;
      const query = { follow: 'true', timestamps: 'true', ...(from !== null && { sinceTime: from }) };
      for await (const read of linesOf(await openLog(kube, address, query, signal))) {
        const parsed = read.map((line) => podLineOf(pod, line)).filter((line) => line !== null);
        const fresh = parsed.filter((line) => (from === null || line.at >= from) && isNew(line));
        for (const line of fresh) offsets.record(line);
        if (fresh.length > 0 && !(await lines.put(fresh, sizeOf(fresh)))) return;
        pause = PAUSE.first;
      }
    } catch (error) {
      if (signal.aborted) return;
      logger.debug({ err: error, pod }, 'failed to read the log of a pod');
    }
    // If the container has ended, everything was read. If the connection broke, it is opened again.
    await wait(pause, undefined, { signal }).catch(() => undefined);
    if (!isRunning()) return;
  }
}

/** The last lines of a pod's container, including its previous instance if it was restarted. */
async function tailOf(
  kube: Kube,
  pod: V1Pod,
  part: LogPart,
  { since, lines, signal }: Tail,
): Promise<PodLine[]> {
  const address = addressOf(pod, part);
  const status = statusOf(pod, part);
  if (instanceOf(pod, status) === null || lines === 0) return [];
  const read = async (more: Record<string, string>) => {
    const query = {
      timestamps: 'true',
      tailLines: String(lines),
      ...(since && { sinceTime: since }),
      ...more,
    };
    const kept: PodLine[] = [];
    for await (const batch of linesOf(await openLog(kube, address, query, signal)))
      for (const line of batch.map((text) => podLineOf(address.pod, text)))
        if (line !== null && (since === null || line.at >= since)) kept.push(line);
    return kept.slice(-lines);
  };
  // A log that was deleted meanwhile counts as empty.
  const orNothing = (error: unknown): PodLine[] => {
    if (signal.aborted) throw error;
    return [];
  };
  const before = status?.lastState?.terminated ? await read({ previous: 'true' }).catch(orNothing) : [];
  const now = await read({}).catch(orNothing);
  const [first] = now;
  return [...before.filter(({ at }) => first === undefined || at < first.at), ...now].slice(-lines);
}

function youngest(pods: V1Pod[]): V1Pod[] {
  const age = ({ metadata }: V1Pod) => metadata?.creationTimestamp?.getTime() ?? 0;
  return [...pods].sort((one, other) => age(other) - age(one)).slice(0, MAX_PODS);
}

function statusOf({ status }: V1Pod, part: LogPart): V1ContainerStatus | undefined {
  return status?.containerStatuses?.find(({ name }) => name === CONTAINER_OF[part]);
}

/** Identifies one instance of the container; null if it was never started. */
function instanceOf({ metadata }: V1Pod, status: V1ContainerStatus | undefined): string | null {
  const id = status?.containerID ?? status?.lastState?.terminated?.containerID;
  return id ? `${metadata?.uid}/${id}` : null;
}

function addressOf({ metadata }: V1Pod, part: LogPart): LogAddress {
  const { namespace = '', name: pod = '' } = metadata ?? {};
  return { namespace, pod, container: CONTAINER_OF[part] };
}

function sizeOf(lines: PodLine[]): number {
  return lines.reduce((sum, { text }) => sum + text.length, 0);
}

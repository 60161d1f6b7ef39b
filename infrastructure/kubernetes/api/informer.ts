import { setTimeout as pauseFor } from 'node:timers/promises';
import type { KubernetesObject } from '@kubernetes/client-node';
import type { Kube } from './client';
import { attempt, failureOfStatus, isNotFound, PlatformError, translate } from './errors';

/** Objects of one kind, in one namespace or in the whole cluster. */
export interface Collection {
  apiVersion: string;
  kind: string;
  /** As in the API's path: `pods`. */
  plural: string;
  /** Not set for cluster-scoped kinds, such as namespaces themselves. */
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

/** The server ends a watch after this time, so that a dead connection is detected. */
const WATCH_SECONDS = 30;

/** A watch that has not ended after this time is assumed to be dead. */
const WATCH_GIVE_UP_MS = (WATCH_SECONDS + 10) * 1000;

/** Pauses between attempts to reach the API server, in milliseconds. */
const RETRY = { first: 200, factor: 2, longest: 5_000 };

/** Pause before a missing namespace is listed again, in milliseconds. */
const NO_NAMESPACE_PAUSE_MS = 500;

/**
 * Keeps a copy of a collection up to date until the signal is aborted: lists it, then watches it from there,
 * and lists it again whenever the watch cannot continue. Waits for an API server that is unavailable. In a
 * namespace that does not exist, the collection is empty.
 * @param changed called with all objects after the first listing and after every change
 * @param unreachable called with the failure each time the API server could not be reached
 * @throws PlatformError when a retry cannot help, such as for missing permissions
 */
export async function runInformer<T extends KubernetesObject>(
  kube: Kube,
  collection: Collection,
  signal: AbortSignal,
  changed: (objects: T[]) => void,
  unreachable: (error: Error) => void,
): Promise<void> {
  let pause = RETRY.first;
  while (!signal.aborted) {
    try {
      await listAndWatch<T>(kube, collection, signal, (objects) => {
        pause = RETRY.first;
        changed(objects);
      });
    } catch (error) {
      if (signal.aborted) return;
      if (isNotFound(error)) {
        changed([]);
        await pauseFor(NO_NAMESPACE_PAUSE_MS, undefined, { signal }).catch(() => undefined);
        continue;
      }
      if (!(error instanceof PlatformError) || error.name !== 'Unavailable') throw error;
      unreachable(error);
      await pauseFor(pause, undefined, { signal }).catch(() => undefined);
      pause = Math.min(pause * RETRY.factor, RETRY.longest);
    }
  }
}

/** Returns when the list is out of date and must be requested again. */
async function listAndWatch<T extends KubernetesObject>(
  kube: Kube,
  collection: Collection,
  signal: AbortSignal,
  changed: (objects: T[]) => void,
): Promise<void> {
  const { apiVersion, kind, namespace, labelSelector, fieldSelector } = collection;
  const list = await attempt(`list ${describeCollection(collection)}`, () =>
    kube.objects.list<T>(
      apiVersion,
      kind,
      namespace,
      undefined,
      undefined,
      undefined,
      fieldSelector,
      labelSelector,
    ),
  );
  const objects = new Map(list.items.map((object) => [uidOf(object), object]));
  changed([...objects.values()]);

  let version = list.metadata?.resourceVersion;
  while (version !== undefined && !signal.aborted)
    version = await watchOnce<T>(kube, collection, version, signal, (type, object) => {
      if (type === 'DELETED') objects.delete(uidOf(object));
      else objects.set(uidOf(object), object);
      changed([...objects.values()]);
    });
}

/** @returns the resource version to continue from, or undefined when it is too old */
function watchOnce<T extends KubernetesObject>(
  kube: Kube,
  collection: Collection,
  from: string,
  signal: AbortSignal,
  changed: (type: string, object: T) => void,
): Promise<string | undefined> {
  const doing = `watch ${describeCollection(collection)}`;
  const connection = new AbortController();
  let version = from;

  const watching = new Promise<string | undefined>((resolve, reject) => {
    connection.signal.addEventListener('abort', () => resolve(version));
    const onEvent = (type: string, object: unknown) => {
      if (connection.signal.aborted) return;
      if (type === 'ERROR') {
        const { code = 500, reason = null, message = 'unknown' } = object as StatusObject;
        if (code === 410) resolve(undefined);
        else
          reject(new PlatformError(failureOfStatus(code, reason, message), `Could not ${doing}: ${message}`));
        return;
      }
      const known = object as T;
      version = known.metadata?.resourceVersion ?? version;
      if (type !== 'BOOKMARK') changed(type, known);
    };
    const onEnd = (error: unknown) => {
      if (error === null || error === undefined) resolve(version);
      else if (statusCodeOf(error) === 410) resolve(undefined);
      else reject(failureOfWatch(error, doing));
    };
    const query = {
      resourceVersion: from,
      allowWatchBookmarks: true,
      timeoutSeconds: WATCH_SECONDS,
      labelSelector: collection.labelSelector,
      fieldSelector: collection.fieldSelector,
    };
    kube.watch.watch(pathOf(collection), query, onEvent, onEnd).then((request) => {
      connection.signal.addEventListener('abort', () => request.abort());
      if (connection.signal.aborted) request.abort();
    }, reject);
  });

  const close = () => connection.abort();
  const giveUp = setTimeout(close, WATCH_GIVE_UP_MS);
  signal.addEventListener('abort', close);
  if (signal.aborted) close();
  return watching.finally(() => {
    clearTimeout(giveUp);
    signal.removeEventListener('abort', close);
    close();
  });
}

interface StatusObject {
  code?: number;
  reason?: string;
  message?: string;
}

function failureOfWatch(error: unknown, doing: string): Error {
  const status = statusCodeOf(error);
  if (status === null) return translate(error, doing);
  const message = (error as Error).message;
  // The preceding list was permitted, so the server must have restarted: the next list decides.
  const failure = status === 403 ? 'Unavailable' : failureOfStatus(status, null, message);
  return new PlatformError(failure, `Could not ${doing}: ${message} (${status})`, {
    status,
    cause: error,
  });
}

/** The client reports a refused watch as an Error with this property. */
function statusCodeOf(error: unknown): number | null {
  const status = (error as { statusCode?: unknown }).statusCode;
  return typeof status === 'number' ? status : null;
}

function pathOf({ apiVersion, namespace, plural }: Collection): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return namespace === undefined ? `${root}/${plural}` : `${root}/namespaces/${namespace}/${plural}`;
}

function describeCollection({ plural, namespace }: Collection): string {
  return namespace === undefined ? plural : `${plural} in ${namespace}`;
}

function uidOf(object: KubernetesObject): string {
  return object.metadata?.uid ?? '';
}

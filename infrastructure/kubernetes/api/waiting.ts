import type { KubernetesObject } from '@kubernetes/client-node';
import type { Kube } from './client';
import { PlatformError } from './errors';
import { runInformer } from './informer';
import type { Collection } from './informer';

/** How often a wait calls `heartbeat`, and `check` for conditions that depend on time, in milliseconds. */
const TICK_MS = 1_000;

export interface Wait<Objects extends Record<string, KubernetesObject[]>, Result> {
  collections: { [Name in keyof Objects]: Collection };
  /**
   * Checks the objects, once every collection was listed. Called after every change and every second.
   * @returns undefined to continue waiting
   */
  check: (objects: Objects) => Result | undefined;
  /** How long to wait, in milliseconds. */
  deadlineMs: number;
  signal: AbortSignal;
  /** Called about every second. */
  heartbeat?: () => void;
}

/**
 * Watches objects until `check` returns a result.
 * @returns the result, or null when the deadline passed without one
 * @throws the signal's reason when it is aborted; PlatformError `Unavailable` when the API server is
 * unreachable at the deadline, so that the result is unknown
 */
export async function waitFor<Objects extends Record<string, KubernetesObject[]>, Result>(
  kube: Kube,
  { collections, check, deadlineMs, signal, heartbeat }: Wait<Objects, Result>,
): Promise<Result | null> {
  signal.throwIfAborted();
  const names = Object.keys(collections) as (keyof Objects & string)[];
  const objects: Partial<Objects> = {};
  const unreachable = new Map<string, Error>();
  const over = new AbortController();

  try {
    return await new Promise<Result | null>((resolve, reject) => {
      const decide = () => {
        if (over.signal.aborted || !isComplete(objects, names)) return;
        try {
          const result = check(objects);
          if (result === undefined) return;
          resolve(result);
          // Before the waiting callers continue: when the list is enough, no watch is opened.
          over.abort();
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      for (const name of names)
        runInformer(
          kube,
          collections[name],
          over.signal,
          (current) => {
            unreachable.delete(name);
            objects[name] = current as Objects[typeof name];
            decide();
          },
          (error) => unreachable.set(name, error),
        ).catch(reject);

      every(TICK_MS, over.signal, () => {
        heartbeat?.();
        decide();
      });
      after(deadlineMs, over.signal, () => {
        const [cause] = unreachable.values();
        if (cause === undefined) resolve(null);
        else reject(new PlatformError('Unavailable', cause.message, { cause }));
      });
      signal.addEventListener('abort', () => reject(signal.reason as Error), { signal: over.signal });
    });
  } finally {
    over.abort();
  }
}

/**
 * Waits until a collection has no objects.
 * @param what completes "waiting for", in heartbeats and in the error
 * @throws PlatformError `Unavailable` when there are objects at the deadline, or when it is unknown; the signal's reason
 * when it is aborted
 */
export async function waitUntilGone(
  kube: Kube,
  what: string,
  collection: Collection,
  deadlineMs: number,
  { signal, heartbeat }: { signal: AbortSignal; heartbeat: (details?: unknown) => void },
): Promise<void> {
  const gone = await waitFor<{ objects: KubernetesObject[] }, true>(kube, {
    collections: { objects: collection },
    check: ({ objects }) => (objects.length === 0 ? true : undefined),
    deadlineMs,
    signal,
    heartbeat: () => heartbeat({ waitingFor: what }),
  });
  if (gone === null)
    throw new PlatformError(
      'Unavailable',
      `Timed out after ${Math.round(deadlineMs / 1000)} s waiting for ${what}.`,
    );
}

/** True when every collection has been listed. */
function isComplete<Objects>(objects: Partial<Objects>, names: (keyof Objects)[]): objects is Objects {
  return names.every((name) => objects[name] !== undefined);
}

function every(ms: number, until: AbortSignal, action: () => void): void {
  const timer = setInterval(action, ms);
  until.addEventListener('abort', () => clearInterval(timer));
}

function after(ms: number, unless: AbortSignal, action: () => void): void {
  const timer = setTimeout(action, ms);
  unless.addEventListener('abort', () => clearTimeout(timer));
}

import type { V1StatefulSet } from '@kubernetes/client-node';
import type { CallContext } from '../../../../activities/ports';
import type { Kube } from '../../api/client';
import { PlatformError } from '../../api/errors';
import { waitFor } from '../../api/waiting';
import { namesOf } from '../names';
import { writtenProvenance } from '../provenance';
import type { ProductionSettings } from '../types';
import { databaseService, databaseStatefulSet } from './manifests';
import { majorOf, versionFor } from './postgresql';
import { databaseCollection, isReady, readStatefulSet, secretUidOf, stamped, stampOf } from './state';

/** In milliseconds: below the timeout of an attempt to apply a program, which is then repeated. */
const DEADLINE_MS = 15_000;

/** `starts`: it is new, so that nothing has ever used it. */
export type AppliedDatabase = 'ready' | 'starts';

/**
 * Waits until a user's database is applied, which may happen at the same time: until it is ready and will not be
 * changed, or is new and starts. One that is still ready after the wait was applied by a worker of another release.
 * @throws PlatformError `Unavailable` when that takes too long
 */
export async function awaitApplied(
  kube: Kube,
  settings: ProductionSettings,
  userId: string,
  context: CallContext,
): Promise<AppliedDatabase> {
  const { database: name } = namesOf(userId);
  let found = await readStatefulSet(kube, userId);
  const applied = appliedDatabase(found, userId, settings);
  if (applied !== undefined) return applied;
  const end = await waitFor<{ statefulSets: V1StatefulSet[] }, AppliedDatabase>(kube, {
    collections: { statefulSets: databaseCollection(userId) },
    check: ({ statefulSets }) => {
      found = statefulSets[0] ?? null;
      return appliedDatabase(found, userId, settings);
    },
    deadlineMs: DEADLINE_MS,
    signal: context.signal,
    heartbeat: () => context.heartbeat({ waitingFor: name }),
  });
  if (end !== null) return end;
  if (found !== null && isReady(found)) return 'ready';
  throw new PlatformError(
    'Unavailable',
    `The database ${name} was not applied within ${DEADLINE_MS / 1000} s.`,
  );
}

/** Undefined while it is missing, or is being changed. */
export function appliedDatabase(
  found: V1StatefulSet | null,
  userId: string,
  settings: ProductionSettings,
): AppliedDatabase | undefined {
  if (found === null || found.metadata?.deletionTimestamp) return undefined;
  const provenance = writtenProvenance(userId, found.metadata);
  const version = versionFor(found, majorOf(found), settings);
  const wanted = databaseStatefulSet(provenance, settings, version, secretUidOf(found));
  if (stampOf(stamped(wanted, databaseService(provenance))) !== stampOf(found)) return undefined;
  if (isReady(found)) return 'ready';
  return found.metadata?.generation === 1 ? 'starts' : undefined;
}

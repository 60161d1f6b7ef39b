import { createHash } from 'node:crypto';
import type { V1Pod, V1StatefulSet } from '@kubernetes/client-node';
import { apply, FIELD_MANAGER } from '../apply';
import type { Kube } from '../client';
import { attempt, attemptToFind, isConflict, PlatformError } from '../errors';
import { waitFor } from '../waiting';
import { databaseService, databaseStatefulSet, passwordSecret, SECRET_ANNOTATION } from './databaseManifests';
import { DATABASE_CONTAINER, namesOf, selectorOf } from './names';
import { lastLogLines } from './evidence';
import { Patience } from '../pods/patience';
import { podProblem } from '../pods/problem';
import type { Problem } from '../pods/problem';
import type { CallContext, ProductionSettings, Provenance } from './types';

export interface DatabaseReport {
  name: string;
  created: boolean;
}

/** How long a database may take to start, in milliseconds: below the activity's own timeout of five minutes. */
const DEADLINE_MS = 240_000;

/** Digest of the manifest that was applied last: an equal one need not be applied again. */
const MANIFEST_ANNOTATION = 'orchestration-app/manifest-digest';

/**
 * Applies the user's database and waits until it accepts connections. One that is up and unchanged costs two
 * requests at the same time. Nothing here ever deletes a database or changes a password.
 * @throws PlatformError `Rejected` when it cannot start, with the reason; `Unavailable` when it takes too long, or
 * no node has room now
 */
export async function applyDatabase(
  kube: Kube,
  settings: ProductionSettings,
  provenance: Provenance,
  context: CallContext,
): Promise<DatabaseReport> {
  const { database: name } = namesOf(provenance.userId);
  const [existing, newSecretUid] = await Promise.all([
    readStatefulSet(kube, provenance.userId),
    createSecret(kube, provenance),
  ]);
  const secretUid = newSecretUid ?? secretUidOf(existing);
  const manifest = stamped(databaseStatefulSet(provenance, settings, secretUid));
  const unchanged = stampOf(manifest) === stampOf(existing);
  if (unchanged && existing !== null && isReady(existing)) return { name, created: false };

  if (!unchanged)
    await Promise.all([apply(kube.objects, databaseService(provenance)), apply(kube.objects, manifest)]);
  await awaitDatabase(kube, provenance.userId, context);
  return { name, created: existing === null };
}

/** @returns the uid of the Secret if this call made it; null when it was there already, whatever it holds */
async function createSecret(kube: Kube, provenance: Provenance): Promise<string | null> {
  const secret = passwordSecret(provenance);
  const { name, namespace = '' } = secret.metadata ?? {};
  try {
    const created = await attempt(`create Secret/${name} in ${namespace}`, () =>
      kube.core.createNamespacedSecret({ namespace, body: secret, fieldManager: FIELD_MANAGER }),
    );
    return created.metadata?.uid ?? null;
  } catch (error) {
    if (isConflict(error)) return null;
    throw error;
  }
}

async function awaitDatabase(kube: Kube, userId: string, context: CallContext): Promise<void> {
  const { namespace, database: name } = namesOf(userId);
  const patience = new Patience();
  const end = await waitFor<{ statefulSets: V1StatefulSet[]; pods: V1Pod[] }, true | FailedPod>(kube, {
    collections: {
      statefulSets: {
        apiVersion: 'apps/v1',
        kind: 'StatefulSet',
        plural: 'statefulsets',
        namespace,
        fieldSelector: `metadata.name=${name}`,
      },
      pods: {
        apiVersion: 'v1',
        kind: 'Pod',
        plural: 'pods',
        namespace,
        labelSelector: selectorOf(userId, 'db'),
      },
    },
    look: ({ statefulSets: [statefulSet], pods: [pod] }) => {
      if (statefulSet && isReady(statefulSet)) return true;
      const problem = pod ? podProblem(pod) : null;
      return pod && problem && patience.isOver(problem) ? { pod, problem } : undefined;
    },
    deadlineMs: DEADLINE_MS,
    signal: context.signal,
    beat: () => context.heartbeat({ waitingFor: name }),
  });
  if (end === null)
    throw new PlatformError(
      'Unavailable',
      `The database ${name} was not ready within ${DEADLINE_MS / 1000} s.`,
    );
  if (end !== true) throw await failureOf(kube, name, end);
}

interface FailedPod {
  pod: V1Pod;
  problem: Problem;
}

async function failureOf(kube: Kube, name: string, { pod, problem }: FailedPod): Promise<PlatformError> {
  const log = problem.pod === null ? '' : await lastLogLines(kube, pod, DATABASE_CONTAINER);
  const said = log === '' ? '' : ` Its log ends: ${log.trim()}`;
  const failure = problem.reason === 'unschedulable' ? 'Unavailable' : 'Rejected';
  return new PlatformError(failure, `The database ${name} cannot start: ${problem.message}${said}`, {
    reason: problem.reason,
  });
}

/** The pod runs the newest revision and accepts connections. */
function isReady({ metadata, spec, status }: V1StatefulSet): boolean {
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    (status?.readyReplicas ?? 0) >= (spec?.replicas ?? 1) &&
    status?.currentRevision === status?.updateRevision
  );
}

export function readStatefulSet(kube: Kube, userId: string): Promise<V1StatefulSet | null> {
  const { namespace, database: name } = namesOf(userId);
  return attemptToFind(`read StatefulSet/${name} in ${namespace}`, () =>
    kube.apps.readNamespacedStatefulSet({ namespace, name }),
  );
}

/** Remembered on the pods, because the worker may create Secrets but not read them. */
function secretUidOf(existing: V1StatefulSet | null): string | null {
  return existing?.spec?.template.metadata?.annotations?.[SECRET_ANNOTATION] ?? null;
}

function stamped(manifest: V1StatefulSet): V1StatefulSet {
  const digest = createHash('sha256').update(JSON.stringify(manifest.spec)).digest('hex');
  const annotations = { ...manifest.metadata?.annotations, [MANIFEST_ANNOTATION]: digest };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

function stampOf(statefulSet: V1StatefulSet | null): string | undefined {
  return statefulSet?.metadata?.annotations?.[MANIFEST_ANNOTATION];
}

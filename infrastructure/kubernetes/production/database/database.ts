import type { V1Pod, V1StatefulSet } from '@kubernetes/client-node';
import type { CallContext, DatabaseReport, Provenance } from '../../../../activities/ports';
import { apply, FIELD_MANAGER } from '../../api/apply';
import type { Kube } from '../../api/client';
import { attempt, attemptToFind, isConflict, PlatformError } from '../../api/errors';
import { waitFor } from '../../api/waiting';
import { DATA_VOLUME, databaseService, databaseStatefulSet, passwordSecret } from './manifests';
import { inDatabasePod } from './pod';
import { DATABASE_CONTAINER, namesOf, selectorOf } from '../names';
import { lastLogLines } from '../rollout/failureDetails';
import { GracePeriod } from '../../pods/gracePeriod';
import { podProblem } from '../../pods/problem';
import { hasStarted } from '../../pods/started';
import type { Problem } from '../../pods/problem';
import { isReady, readStatefulSet, secretUidOf, stamped, stampOf, databaseCollection } from './state';
import { versionFor, majorOf, type DatabaseVersion } from './postgresql';
import type { ProductionSettings } from '../types';

/** How long a database may take to start, in milliseconds: below the activity's own timeout of five minutes. */
const DEADLINE_MS = 240_000;

/** How long it may take to read the version of a running database, in milliseconds. */
const MAJOR_DEADLINE_MS = 10_000;

/** Exit code of sandbox/production-pod/database/entrypoint.sh when it could not upgrade the data. */
const UPGRADE_FAILED_CODE = 75;

/**
 * Applies the user's database in the major version of its data, and waits until it accepts connections. A
 * database that is running and unchanged costs two parallel requests. Nothing here ever deletes a database or
 * changes a password.
 * @throws PlatformError `Rejected` when it cannot start, with the reason; `Unavailable` when it takes too
 * long, or no node has capacity at the moment
 */
export async function applyDatabase(
  kube: Kube,
  settings: ProductionSettings,
  provenance: Provenance,
  context: CallContext,
): Promise<DatabaseReport> {
  return applyVersion(kube, settings, provenance, context, {
    deadlineMs: DEADLINE_MS,
    choose: async (existing) =>
      versionFor(existing, existing && (await readMajor(kube, provenance.userId, existing)), settings),
  });
}

/** Like {@link applyDatabase}, with a version that the caller chooses. */
export async function applyVersion(
  kube: Kube,
  settings: ProductionSettings,
  provenance: Provenance,
  context: CallContext,
  {
    choose,
    deadlineMs,
  }: {
    choose: (existing: V1StatefulSet | null) => DatabaseVersion | Promise<DatabaseVersion>;
    /** How long it may take to be ready, in milliseconds. */
    deadlineMs: number;
  },
): Promise<DatabaseReport> {
  const { database: name } = namesOf(provenance.userId);
  const [existing, isMissing] = await Promise.all([
    readStatefulSet(kube, provenance.userId),
    isSecretMissing(kube, provenance),
  ]);
  const newSecretUid = isMissing ? await createSecret(kube, provenance) : null;
  const secretUid = newSecretUid ?? secretUidOf(existing);
  const version = await choose(existing);
  const statefulSet = databaseStatefulSet(provenance, settings, version, secretUid);
  const manifest = stamped(statefulSet, databaseService(provenance));
  const unchanged = stampOf(manifest) === stampOf(existing);
  if (unchanged && existing !== null && isReady(existing)) return { name, created: false };

  if (!unchanged) {
    // A program may be applied as soon as the StatefulSet exists, and needs the Service's address.
    await applyService(kube, provenance);
    await apply(kube.objects, manifest);
  }
  await awaitDatabase(kube, provenance.userId, deadlineMs, context);
  return { name, created: existing === null };
}

/**
 * The major version of an existing database: from its StatefulSet, or from its data if an earlier release
 * created it. Null when the version is unknown because the database is not running.
 */
export async function readMajor(kube: Kube, userId: string, existing: V1StatefulSet): Promise<string | null> {
  const named = majorOf(existing);
  if (named !== null) return named;
  try {
    const command = ['cat', `${DATA_VOLUME}/pgdata/PG_VERSION`];
    const printed = await inDatabasePod(kube, userId, command, MAJOR_DEADLINE_MS);
    return /^\d+\n$/.test(printed) ? printed.trim() : null;
  } catch (error) {
    if (error instanceof PlatformError) return null;
    throw error;
  }
}

/** Replaces the headless Service of version 0.2 or older: a Service keeps the kind of address that it was created with. */
async function applyService(kube: Kube, provenance: Provenance): Promise<void> {
  const manifest = databaseService(provenance);
  const { metadata, spec } = await apply(kube.objects, manifest);
  if (spec?.clusterIP !== 'None') return;
  const { name = '', namespace = '', uid } = metadata ?? {};
  await attemptToFind(`delete Service/${name} in ${namespace}`, () =>
    kube.core.deleteNamespacedService({
      ...{ name, namespace },
      body: uid === undefined ? {} : { preconditions: { uid } },
    }),
  );
  await apply(kube.objects, manifest);
}

/**
 * A dry run, because the worker may create Secrets but not read them, and each attempt to create one changes the
 * namespace's quota twice.
 */
async function isSecretMissing(kube: Kube, provenance: Provenance): Promise<boolean> {
  const secret = passwordSecret(provenance);
  const { name, namespace = '' } = secret.metadata ?? {};
  try {
    await attempt(`check for Secret/${name} in ${namespace}`, () =>
      kube.core.createNamespacedSecret({ namespace, body: secret, dryRun: 'All' }),
    );
    return true;
  } catch (error) {
    if (isConflict(error)) return false;
    throw error;
  }
}

/** @returns the uid of the Secret if this call created it; null for an existing one, whatever it contains */
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

async function awaitDatabase(
  kube: Kube,
  userId: string,
  deadlineMs: number,
  context: CallContext,
): Promise<void> {
  const { namespace, database: name } = namesOf(userId);
  const gracePeriod = new GracePeriod();
  let sawStart = false;
  const end = await waitFor<{ statefulSets: V1StatefulSet[]; pods: V1Pod[] }, true | FailedPod>(kube, {
    collections: {
      statefulSets: databaseCollection(userId),
      pods: {
        apiVersion: 'v1',
        kind: 'Pod',
        plural: 'pods',
        namespace,
        labelSelector: selectorOf(userId, 'db'),
      },
    },
    check: ({ statefulSets: [statefulSet], pods: [pod] }) => {
      if (statefulSet && isReady(statefulSet)) return true;
      const started = pod !== undefined && hasStarted(pod);
      // Only of a pod that starts now: one that started earlier and is not ready no longer accepts connections.
      sawStart ||= !started;
      if (sawStart && started && statefulSet && isOf(statefulSet, pod)) return true;
      // This change may repair the problem of an older pod, so only a pod of the newest revision counts.
      const problem = pod && statefulSet && isOf(statefulSet, pod) ? podProblem(pod) : null;
      return pod && problem && gracePeriod.isOver(problem) ? { pod, problem } : undefined;
    },
    deadlineMs,
    signal: context.signal,
    heartbeat: () => context.heartbeat({ waitingFor: name }),
  });
  if (end === null)
    throw new PlatformError(
      'Unavailable',
      `The database ${name} was not ready within ${deadlineMs / 1000} s.`,
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
    reason: exitCodeOf(pod) === UPGRADE_FAILED_CODE ? 'upgrade_failed' : problem.reason,
  });
}

function exitCodeOf({ status }: V1Pod): number | undefined {
  const container = status?.containerStatuses?.find(({ name }) => name === DATABASE_CONTAINER);
  return (container?.state?.terminated ?? container?.lastState?.terminated)?.exitCode;
}

/** Whether the pod belongs to the newest revision. */
function isOf({ metadata, status }: V1StatefulSet, pod: V1Pod): boolean {
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    pod.metadata?.labels?.['controller-revision-hash'] === status?.updateRevision
  );
}

import { createHash } from 'node:crypto';
import type { V1Service, V1StatefulSet } from '@kubernetes/client-node';
import type { Kube } from '../../api/client';
import { attemptToFind } from '../../api/errors';
import { namesOf } from '../names';
import { SECRET_ANNOTATION } from './manifests';
import { majorOf } from './postgresql';

/** Reads the StatefulSet of a database. */

/** Digest of the last applied manifest; an equal one does not need to be applied again. */
const MANIFEST_ANNOTATION = 'orchestration-app/manifest-digest';

export function readStatefulSet(kube: Kube, userId: string): Promise<V1StatefulSet | null> {
  const { namespace, database: name } = namesOf(userId);
  return attemptToFind(`read StatefulSet/${name} in ${namespace}`, () =>
    kube.apps.readNamespacedStatefulSet({ namespace, name }),
  );
}

/**
 * The pod runs the newest revision and accepts connections. Equal revisions alone do not show the first: they are
 * equal as soon as a change is taken back, while the pod that it started still runs.
 */
export function isReady({ metadata, spec, status }: V1StatefulSet): boolean {
  const replicas = spec?.replicas ?? 1;
  return (
    (status?.observedGeneration ?? 0) >= (metadata?.generation ?? 0) &&
    (status?.readyReplicas ?? 0) >= replicas &&
    (status?.updatedReplicas ?? 0) >= replicas &&
    status?.currentRevision === status?.updateRevision
  );
}

/** Stored in an annotation of the pods, because the worker may create Secrets but not read them. */
export function secretUidOf(existing: V1StatefulSet | null): string | null {
  return existing?.spec?.template.metadata?.annotations?.[SECRET_ANNOTATION] ?? null;
}

/** A manifest with its digest. */
export function stamped(manifest: V1StatefulSet, service: V1Service): V1StatefulSet {
  const applied = { spec: manifest.spec, major: majorOf(manifest), service: service.spec };
  const digest = createHash('sha256').update(JSON.stringify(applied)).digest('hex');
  const annotations = { ...manifest.metadata?.annotations, [MANIFEST_ANNOTATION]: digest };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

export function stampOf(statefulSet: V1StatefulSet | null): string | undefined {
  return statefulSet?.metadata?.annotations?.[MANIFEST_ANNOTATION];
}

/** What to watch for changes of a user's database. */
export function databaseCollection(userId: string) {
  const { namespace, database } = namesOf(userId);
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    plural: 'statefulsets',
    namespace,
    fieldSelector: `metadata.name=${database}`,
  };
}

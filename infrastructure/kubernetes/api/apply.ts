import { PatchStrategy } from '@kubernetes/client-node';
import type { KubernetesObject, KubernetesObjectApi } from '@kubernetes/client-node';
import { inSpan } from '../../telemetry/span';
import { attempt } from './errors';

/** Owner of the fields that this platform sets, in `metadata.managedFields`. */
export const FIELD_MANAGER = 'orchestration-app';

/**
 * Creates or updates one object by server-side apply. The apply is forced, because the fields in our
 * manifests belong to this platform; other fields are left alone. A repeated call changes nothing.
 * @returns the object as stored. Its `metadata.resourceVersion` is the same as before when nothing changed.
 */
export function apply<T extends KubernetesObject>(objects: KubernetesObjectApi, manifest: T): Promise<T> {
  const { kind = 'object', metadata } = manifest;
  const attributes = { 'k8s.object.name': metadata?.name, 'k8s.namespace.name': metadata?.namespace };
  return inSpan(`apply ${kind}`, { attributes }, () =>
    attempt(`apply ${nameOf(manifest)}`, () =>
      objects.patch(manifest, undefined, undefined, FIELD_MANAGER, true, PatchStrategy.ServerSideApply),
    ),
  );
}

/** How messages and reports name an object: `Pod/test-test in user-test`. */
export function nameOf(object: KubernetesObject): string {
  const { name, namespace } = object.metadata ?? {};
  const location = namespace === undefined ? '' : ` in ${namespace}`;
  return `${object.kind ?? 'object'}/${name ?? '?'}${location}`;
}

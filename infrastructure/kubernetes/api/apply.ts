import { isDeepStrictEqual } from 'node:util';
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

/**
 * Whether an object has all fields of a part of its manifest. The server adds fields to maps, and never to lists.
 * Whatever the manifest of an earlier release set in addition is not noticed.
 */
export function contains(found: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted))
    return (
      Array.isArray(found) &&
      found.length === wanted.length &&
      wanted.every((each, index) => contains(found[index], each))
    );
  if (typeof wanted !== 'object' || wanted === null) return found === wanted;
  const fields = Object.entries(wanted).filter(([, value]) => value !== undefined);
  return fields.every(([name, value]) => contains((found as Record<string, unknown> | null)?.[name], value));
}

/** Whether two parts of objects are the same as JSON. */
export function isSame(one: unknown, other: unknown): boolean {
  const asJson = (value: unknown) => JSON.parse(JSON.stringify(value ?? null)) as unknown;
  return isDeepStrictEqual(asJson(one), asJson(other));
}

/** How messages and reports name an object: `Pod/test-test in user-test`. */
export function nameOf(object: KubernetesObject): string {
  const { name, namespace } = object.metadata ?? {};
  const location = namespace === undefined ? '' : ` in ${namespace}`;
  return `${object.kind ?? 'object'}/${name ?? '?'}${location}`;
}

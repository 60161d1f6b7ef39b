import { createHash } from 'node:crypto';
import type { V1Container, V1EnvVar, V1Secret, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { Kube } from '../../api/client';
import { attempt, isConflict, PlatformError } from '../../api/errors';
import { ownedBy } from '../../environment/labels';
import { namesOf } from '../names';
import type { ProductionSettings } from '../types';

/** Container that installs a program's requirements before the program starts, as in `kubectl logs -c`. */
export const REQUIREMENTS_CONTAINER = 'requirements';

/** Room for the packages and their archives; the test pod has less. */
const SIZE_LIMIT = '512Mi';

/** For both containers of a pod with requirements: the pod's own limit must have room for the volume. */
export const EPHEMERAL_STORAGE_LIMIT = '768Mi';

const FOLDER = '/layer';
const VOLUME = 'layer';

/** Where sandbox/production-pod/entry.py finds the installed packages. */
export const requirementsVariable: V1EnvVar = { name: 'LAYER_DIRECTORY', value: FOLDER };
export const requirementsVolume: V1Volume = { name: VOLUME, emptyDir: { sizeLimit: SIZE_LIMIT } };
export const requirementsMount: V1VolumeMount = { name: VOLUME, mountPath: FOLDER, readOnly: true };

/**
 * The container that installs requirements: the program's own except for its command, and the only one that
 * gets the address of the package index.
 * @throws PlatformError `Rejected` when there is no index
 */
export function installContainer(
  { name: _, ports: __, readinessProbe: ___, ...shared }: V1Container,
  requirements: string[],
  { packageIndex }: ProductionSettings,
): V1Container {
  const index = { name: secretOf(indexOf(packageIndex)), key: URL_KEY };
  const installer: V1Container = {
    name: REQUIREMENTS_CONTAINER,
    args: ['--install', ...requirements],
    env: [
      ...(shared.env ?? []).filter(({ name }) => name === 'LANGUAGE'),
      requirementsVariable,
      { name: 'PACKAGE_INDEX_URL', valueFrom: { secretKeyRef: index } },
    ],
    volumeMounts: [
      { name: VOLUME, mountPath: FOLDER },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
  return { ...shared, ...installer };
}

/** Creates the Secret with the index's address, which may contain a password. Changes no existing one. */
export async function ensureIndexSecret(
  kube: Kube,
  userId: string,
  { packageIndex }: ProductionSettings,
): Promise<void> {
  const { namespace } = namesOf(userId);
  const url = indexOf(packageIndex);
  const body: V1Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: secretOf(url), namespace, labels: ownedBy(userId) },
    immutable: true,
    stringData: { [URL_KEY]: url },
  };
  try {
    await attempt(`create Secret/${secretOf(url)}`, () =>
      kube.core.createNamespacedSecret({ namespace, body }),
    );
  } catch (error) {
    if (!isConflict(error)) throw error;
  }
}

const URL_KEY = 'url';

/** Named by content, so that it is created once and never has to be read or changed. */
function secretOf(url: string): string {
  return `package-index-${createHash('sha256').update(url).digest('hex').slice(0, 12)}`;
}

function indexOf(index: ProductionSettings['packageIndex']): string {
  if (index !== undefined) return index.url;
  throw new PlatformError(
    'Rejected',
    'The program requires packages, and there is no package index: set PACKAGE_INDEX_URL of the worker.',
  );
}

import { createHash } from 'node:crypto';
import type { V1Container, V1EnvVar, V1Secret, V1Volume, V1VolumeMount } from '@kubernetes/client-node';
import type { Kube } from '../../api/client';
import { attempt, isConflict, PlatformError } from '../../api/errors';
import { ownedBy } from '../../environment/namespaceManifests';
import { namesOf } from '../names';
import type { ProductionSettings } from '../types';

/** Container that installs a program's requirements before the program starts, as in `kubectl logs -c`. */
export const REQUIREMENTS_CONTAINER = 'requirements';

/** Room for them and for the archives that they come in; in the test pod it is less. */
const SIZE_LIMIT = '512Mi';

/** Of both containers of a pod with requirements, so that the pod's own limit has room for the volume. */
export const EPHEMERAL_STORAGE_LIMIT = '768Mi';

const FOLDER = '/layer';
const VOLUME = 'layer';

/** Where the entry of the program (sandbox/production-pod/entry.py) finds what was installed. */
export const layerVariable: V1EnvVar = { name: 'LAYER_DIRECTORY', value: FOLDER };
export const layerVolume: V1Volume = { name: VOLUME, emptyDir: { sizeLimit: SIZE_LIMIT } };
export const layerMount: V1VolumeMount = { name: VOLUME, mountPath: FOLDER, readOnly: true };

/**
 * The installing container: the program's own but for what it starts, and the only one that gets the index.
 * @throws PlatformError `Rejected` when there is no index
 */
export function installing(
  { name: _, ports: __, readinessProbe: ___, ...shared }: V1Container,
  requirements: string[],
  { packageIndexUrl }: ProductionSettings,
): V1Container {
  const index = { name: secretOf(indexOf(packageIndexUrl)), key: URL_KEY };
  const installer: V1Container = {
    name: REQUIREMENTS_CONTAINER,
    args: ['--install', ...requirements],
    env: [
      ...(shared.env ?? []).filter(({ name }) => name === 'LANGUAGE'),
      layerVariable,
      { name: 'PACKAGE_INDEX_URL', valueFrom: { secretKeyRef: index } },
    ],
    volumeMounts: [
      { name: VOLUME, mountPath: FOLDER },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
  return { ...shared, ...installer };
}

/** Puts the address of the index where the kubelet finds it: it may hold a password. Changes nothing that is there. */
export async function ensureIndexSecret(
  kube: Kube,
  userId: string,
  { packageIndexUrl }: ProductionSettings,
): Promise<void> {
  const { namespace } = namesOf(userId);
  const url = indexOf(packageIndexUrl);
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

/** Named by content, so that it is made once and never has to be read or changed. */
function secretOf(url: string): string {
  return `package-index-${createHash('sha256').update(url).digest('hex').slice(0, 12)}`;
}

function indexOf(url: string | undefined): string {
  if (url !== undefined) return url;
  throw new PlatformError(
    'Rejected',
    'The program requires packages, and there is no package index: set PACKAGE_INDEX_URL of the worker.',
  );
}

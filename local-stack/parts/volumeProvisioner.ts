import { CoreV1Api, KubeConfig, Watch } from '@kubernetes/client-node';
import type { V1PersistentVolume, V1PersistentVolumeClaim } from '@kubernetes/client-node';
import { chmod, mkdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { provisionerName, storageClassName, volumeFor } from '../cluster/manifests';
import type { Part } from '../part';
import { statePaths, type Settings } from '../settings';

/** Milliseconds between two rounds without an event: a watch can end silently. */
const resyncInterval = 10_000;

/**
 * Provides folders on this machine for volume claims, and removes a folder when its claim is deleted. It is a
 * loop in this process, because the existing provisioners run as pods from images of public registries.
 */
export class VolumeProvisioner implements Part {
  readonly name = 'volume-provisioner';
  private readonly volumes: string;
  private readonly configuration = new KubeConfig();
  private readonly watches = new Map<string, AbortController>();
  private timer: NodeJS.Timeout | undefined;
  private working: Promise<void> = Promise.resolve();
  private stopped = false;

  constructor(
    settings: Settings,
    private readonly kubeconfig: string,
    private readonly onError: (message: string) => void,
  ) {
    this.volumes = statePaths(settings).volumes;
  }

  async start(): Promise<void> {
    this.configuration.loadFromFile(this.kubeconfig);
    // Only root can traverse this folder: a volume is only accessible to the pod that mounts it.
    await mkdir(this.volumes, { recursive: true, mode: 0o700 });
    this.timer = setInterval(() => this.tick(), resyncInterval);
  }

  async ready(): Promise<void> {
    await this.reconcile();
    this.tick();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    for (const watch of this.watches.values()) watch.abort();
    await this.working;
  }

  private tick(): void {
    for (const path of ['/api/v1/persistentvolumeclaims', '/api/v1/persistentvolumes'])
      this.keepWatching(path);
    this.soon();
  }

  /** Rounds are sequential; events during a round are handled by the next one. */
  private soon(): void {
    if (this.stopped) return;
    this.working = this.working.then(() => this.reconcile()).catch((error: unknown) => this.report(error));
  }

  private keepWatching(path: string): void {
    if (this.stopped || this.watches.has(path)) return;
    const placeholder = new AbortController();
    this.watches.set(path, placeholder);
    const ended = () => this.watches.delete(path);
    new Watch(this.configuration)
      .watch(
        path,
        {},
        () => this.soon(),
        () => ended(),
      )
      .then((controller) => {
        if (this.stopped) controller.abort();
        else if (this.watches.has(path)) this.watches.set(path, controller);
      })
      .catch((error: unknown) => {
        ended();
        this.report(error);
      });
  }

  private report(error: unknown): void {
    if (!this.stopped) this.onError(`volume provisioner: ${(error as Error).message}`);
  }

  private async reconcile(): Promise<void> {
    const api = this.configuration.makeApiClient(CoreV1Api);
    const [claims, volumes] = await Promise.all([
      api.listPersistentVolumeClaimForAllNamespaces(),
      api.listPersistentVolume(),
    ]);
    const names = new Set(volumes.items.map(({ metadata }) => metadata?.name));
    for (const claim of claims.items.filter(wantsVolume)) {
      if (!names.has(`pvc-${claim.metadata?.uid}`)) await this.provision(api, claim);
    }
    for (const volume of volumes.items.filter(isReleased)) await this.remove(api, volume);
  }

  private async provision(api: CoreV1Api, claim: V1PersistentVolumeClaim): Promise<void> {
    const { namespace = '', name = '', uid = '' } = claim.metadata ?? {};
    const path = join(this.volumes, `pvc-${uid}`);
    await mkdir(path, { recursive: true });
    await chmod(path, 0o777);
    const size = claim.spec?.resources?.requests?.storage ?? '1Gi';
    const accessModes = claim.spec?.accessModes ?? ['ReadWriteOnce'];
    await api.createPersistentVolume({ body: volumeFor({ namespace, name, uid, size, accessModes }, path) });
  }

  private async remove(api: CoreV1Api, volume: V1PersistentVolume): Promise<void> {
    const name = volume.metadata?.name ?? '';
    const path = volume.spec?.local?.path ?? '';
    // Only delete folders that were created here, whatever path the volume in the cluster names.
    if (path === join(this.volumes, basename(path))) await rm(path, { recursive: true, force: true });
    await api.deletePersistentVolume({ name });
  }
}

function wantsVolume(claim: V1PersistentVolumeClaim): boolean {
  return (
    claim.spec?.storageClassName === storageClassName &&
    claim.status?.phase === 'Pending' &&
    claim.metadata?.deletionTimestamp === undefined
  );
}

function isReleased(volume: V1PersistentVolume): boolean {
  return (
    volume.metadata?.annotations?.['pv.kubernetes.io/provisioned-by'] === provisionerName &&
    volume.status?.phase === 'Released' &&
    volume.metadata.deletionTimestamp === undefined
  );
}

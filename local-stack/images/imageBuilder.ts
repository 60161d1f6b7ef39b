import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../machine/command';
import { standsOnOverlay } from '../machine/fileSystem';
import { takeLock } from '../machine/lock';
import type { Progress, ReportProgress } from '../machine/progress';
import type { Settings } from '../settings';
import { npmSecrets } from './npmSecrets';
import { keyOfBase, obtainBase, type BaseName } from './baseImages';

/** One image to build. */
export interface ImageBuild {
  /** The local bases that replace the Dockerfile's public ones, by the ARG that names each. */
  bases: Readonly<Record<string, BaseName>>;
  /**
   * Whether it installs npm packages: then it uses this machine's npm registry, and its layers are cached.
   */
  usesNpm: boolean;
  /** Absolute path. */
  dockerfile: string;
  /** Absolute path of the build context. */
  context: string;
  reference: string;
  /** Path of the resulting image, in docker-archive format. */
  archive: string;
}

/** The images are local archives, not pulled from a registry: there is no signature to verify. */
const acceptAnything = { default: [{ type: 'insecureAcceptAnything' }] };

/**
 * Builds Dockerfiles with buildah, in a separate image store in the cache: the machine's own images are not
 * affected. The store keeps the bases, so that a changed Dockerfile does not unpack them again. It also keeps
 * the layers of the images that install npm packages, which they share.
 */
export class ImageBuilder {
  private readonly store: string;
  private readonly policy: string;

  constructor(
    private readonly settings: Settings,
    private readonly progress: Progress,
  ) {
    this.store = join(settings.cacheDirectory, 'buildah');
    this.policy = join(this.store, 'policy.json');
  }

  /** @throws Error with buildah's output. */
  async build(image: ImageBuild, report: ReportProgress): Promise<void> {
    if (!image.usesNpm) return this.run(image, report);
    // Builds are sequential, so that the next one reuses the layers that they share.
    const lock = await takeLock(join(this.settings.cacheDirectory, 'buildah-npm.lock'), () =>
      report('waiting for the other image of the platform'),
    );
    try {
      await this.run(image, report);
    } finally {
      await lock.release();
    }
  }

  private async run(image: ImageBuild, report: ReportProgress): Promise<void> {
    await mkdir(this.store, { recursive: true });
    await writeFile(this.policy, JSON.stringify(acceptAnything));
    const baseArguments: string[] = [];
    for (const [argument, name] of Object.entries(image.bases))
      baseArguments.push('--build-arg', `${argument}=${await this.ensureBase(name, report)}`);
    report('running its Dockerfile');
    const unsigned = ['--signature-policy', this.policy];
    await this.buildah(
      'build',
      // The Docker format, which supports HEALTHCHECK.
      ...['--isolation', 'chroot', '--format', 'docker', '--pull-never', ...unsigned],
      ...(image.usesNpm ? ['--layers=true', ...(await this.npmSecrets())] : ['--layers=false']),
      ...[...baseArguments, '--tag', image.reference, '--file', image.dockerfile],
      image.context,
    );
    try {
      report('writing its archive');
      const target = `docker-archive:${image.archive}:${image.reference}`;
      await this.buildah('push', '--quiet', ...unsigned, image.reference, target);
    } finally {
      await this.buildah('rmi', '--force', image.reference);
    }
  }

  private async npmSecrets(): Promise<string[]> {
    const secrets = await npmSecrets(this.store);
    return Object.entries(secrets).flatMap(([id, file]) => ['--secret', `id=${id},src=${file}`]);
  }

  /** The name of the base in the store. The first caller unpacks it into the store. */
  private async ensureBase(name: BaseName, report: ReportProgress): Promise<string> {
    const reference = `localhost/orchestration-base-${name}:${await keyOfBase(name)}`;
    const archive = await obtainBase(name, this.settings, this.progress);
    const lock = await takeLock(join(this.settings.cacheDirectory, `buildah-${name}.lock`), () =>
      report(`waiting for its base ${name}`),
    );
    try {
      const known = await this.buildah('images', '--noheading', '--format', '{{.Name}}:{{.Tag}}');
      if (known.split('\n').includes(reference)) return reference;
      report(`unpacking its base ${name}`);
      const container = (await this.buildah('from', 'scratch')).trim();
      await this.buildah('add', '--quiet', container, archive, '/');
      const unsigned = ['--signature-policy', this.policy];
      await this.buildah('commit', '--quiet', '--rm', ...unsigned, container, reference);
      return reference;
    } finally {
      await lock.release();
    }
  }

  private async buildah(command: string, ...args: string[]): Promise<string> {
    // vfs copies whole file systems, but works everywhere; overlay does not work on top of overlay.
    const driver = (await standsOnOverlay(this.store)) ? 'vfs' : 'overlay';
    const places = ['--root', join(this.store, 'root'), '--runroot', join(this.store, 'run')];
    return runCommand('buildah', [...places, '--storage-driver', driver, command, ...args]);
  }
}

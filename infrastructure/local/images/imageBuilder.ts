import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../machine/command';
import { standsOnOverlay } from '../machine/fileSystem';
import { takeLock } from '../machine/lock';
import type { Progress, Report } from '../machine/progress';
import type { Settings } from '../settings';
import { keyOfBase, obtainBase, type BaseName } from './baseImages';

/** One image to build. */
export interface ImageBuild {
  base: BaseName;
  /** Absolute path. */
  dockerfile: string;
  /** Absolute path of the build context. */
  context: string;
  reference: string;
  /** Where the image goes, in docker-archive format. */
  archive: string;
}

/** The images come from our own archives, not from a registry: there is no signature to check. */
const acceptAnything = { default: [{ type: 'insecureAcceptAnything' }] };

/**
 * Runs Dockerfiles with buildah, in an image store of our own in the cache: the machine's images are not
 * touched. Only the bases stay in the store, so that a changed Dockerfile does not unpack them again.
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
  async build(image: ImageBuild, report: Report): Promise<void> {
    await mkdir(this.store, { recursive: true });
    await writeFile(this.policy, JSON.stringify(acceptAnything));
    const base = await this.ensureBase(image.base, report);
    report('running its Dockerfile');
    const unsigned = ['--signature-policy', this.policy];
    await this.buildah(
      'build',
      ...['--isolation', 'chroot', '--pull-never', '--layers=false', ...unsigned],
      ...['--build-arg', `BASE_IMAGE=${base}`, '--tag', image.reference, '--file', image.dockerfile],
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

  /** The name of the base in the store, unpacked into it by whoever needs it first. */
  private async ensureBase(name: BaseName, report: Report): Promise<string> {
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
    // vfs copies whole file systems, but works everywhere; overlay does not stand on overlay.
    const driver = (await standsOnOverlay(this.store)) ? 'vfs' : 'overlay';
    const places = ['--root', join(this.store, 'root'), '--runroot', join(this.store, 'run')];
    return runCommand('buildah', [...places, '--storage-driver', driver, command, ...args]);
  }
}

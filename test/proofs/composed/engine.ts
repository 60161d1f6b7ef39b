import { mkdir, readFile, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { dockerPrograms } from '../../../local-stack/artifacts/dockerPrograms';
import { runCommand } from '../../../local-stack/machine/command';
import { standsOnOverlay } from '../../../local-stack/machine/fileSystem';
import { Progress } from '../../../local-stack/machine/progress';
import { ServerProcess } from '../../../local-stack/machine/serverProcess';
import type { Settings } from '../../../local-stack/settings';

/** A separate Docker engine for a test: containers use this machine's network, which is not changed. */
export interface Engine {
  /** For every command that uses the engine. */
  environment: Record<string, string>;
  docker(...args: string[]): Promise<string>;
  /** Stops it, and removes all its data. */
  remove(): Promise<void>;
}

const STARTED_WITHIN_MS = 60_000;

/** @param directory used only by the engine; on a disk, because images are unpacked there */
export async function startEngine(directory: string, settings: Settings): Promise<Engine> {
  const folders = await dockerPrograms(settings, new Progress());
  await mkdir(directory, { recursive: true });
  const socket = join(directory, 'docker.sock');
  const environment = {
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: join(directory, 'client'),
    PATH: [...folders, process.env.PATH].join(delimiter),
  };
  const engine = ServerProcess.start(
    {
      name: 'Docker',
      command: join(folders[1]!, 'dockerd'),
      args: [
        ...['--host', environment.DOCKER_HOST, '--pidfile', join(directory, 'docker.pid')],
        ...['--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec')],
        // vfs copies whole file systems, but works everywhere; overlay does not work on top of overlay.
        ...['--storage-driver', (await standsOnOverlay(directory)) ? 'vfs' : 'overlay2'],
        ...['--bridge=none', '--iptables=false', '--ip-forward=false'],
      ],
      environment,
      logFile: join(directory, 'docker.log'),
      graceMilliseconds: 30_000,
    },
    directory,
  );
  const docker = (...args: string[]) => runCommand(join(folders[0]!, 'docker'), args, { environment });
  const remove = async () => {
    await engine.stop();
    for (const place of await mountsBelow(directory)) await runCommand('umount', [place]);
    await rm(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  };
  try {
    await engine.waitUntil(async () => (await docker('version')) !== '', STARTED_WITHIN_MS);
  } catch (error) {
    await remove();
    throw error;
  }
  return { environment, docker, remove };
}

/** Docker leaves the mount of its containers' network namespace; the innermost mounts are first. */
async function mountsBelow(directory: string): Promise<string[]> {
  const mounts = await readFile('/proc/self/mounts', 'utf8');
  const places = mounts.split('\n').map((line) => line.split(' ')[1] ?? '');
  return places.filter((place) => place.startsWith(`${directory}/`)).reverse();
}

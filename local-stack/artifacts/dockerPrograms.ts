import { join } from 'node:path';
import { ensurePrograms } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { unpackedPackages } from './debianPackages';

/**
 * Debian's Docker engine with its containerd, unpacked and not installed: a machine's own Docker is not touched.
 * @returns the folders that have to be on its PATH, those with its programs
 * @throws Error when this is no Debian, or its packages cannot be reached
 */
export async function dockerPrograms(settings: Settings, progress: Progress): Promise<string[]> {
  const directory = await unpackedPackages('docker', ['docker.io', 'containerd', 'runc'], settings, progress);
  await ensurePrograms(
    [
      { program: '/sbin/dmsetup', debianPackage: 'dmsetup' }, // For the library of the device mapper.
      { program: 'iptables', debianPackage: 'iptables' },
    ],
    progress,
  );
  return ['usr/bin', 'usr/sbin'].map((folder) => join(directory, folder));
}

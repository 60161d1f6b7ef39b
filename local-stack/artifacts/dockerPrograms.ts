import { join } from 'node:path';
import { ensurePrograms } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { unpackedPackages } from './debianPackages';

/**
 * Debian's Docker engine with its containerd, unpacked but not installed: the machine's own is not affected.
 * @returns the folders with its programs, to be added to its PATH
 * @throws Error when this is not Debian, or its packages cannot be downloaded
 */
export async function dockerPrograms(settings: Settings, progress: Progress): Promise<string[]> {
  const directory = await unpackedPackages('docker', ['docker.io', 'containerd', 'runc'], settings, progress);
  await ensurePrograms(
    [
      { program: '/sbin/dmsetup', debianPackage: 'dmsetup' }, // For libdevmapper.
      { program: 'iptables', debianPackage: 'iptables' },
    ],
    progress,
  );
  return ['usr/bin', 'usr/sbin'].map((folder) => join(directory, folder));
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePrograms } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { unpackedPackages } from './debianPackages';

export interface RsyslogPrograms {
  rsyslogd: string;
  /** The folder with its modules. */
  modules: string;
  /** The folder with libraries from other Debian packages, for LD_LIBRARY_PATH. */
  libraries: string;
}

const PACKAGES = ['rsyslog', 'rsyslog-elasticsearch', 'libestr0', 'libfastjson4', 'liblognorm5'];

/**
 * Debian's rsyslog, unpacked but not installed: the machine's own system log is not affected.
 * @throws Error when this is not Debian, or its packages cannot be downloaded
 */
export async function rsyslogPrograms(settings: Settings, progress: Progress): Promise<RsyslogPrograms> {
  const directory = await unpackedPackages('rsyslog', PACKAGES, settings, progress);
  // Installs libcurl, which rsyslog's Elasticsearch module needs.
  await ensurePrograms([{ program: 'curl', debianPackage: 'curl' }], progress);
  const libraries = await libraryFolder(join(directory, 'usr', 'lib'));
  return {
    rsyslogd: join(directory, 'usr', 'sbin', 'rsyslogd'),
    modules: join(libraries, 'rsyslog'),
    libraries,
  };
}

/** Debian names this folder after the architecture, such as `x86_64-linux-gnu`. */
async function libraryFolder(parent: string): Promise<string> {
  const folders = (await readdir(parent)).map((name) => join(parent, name));
  const found = folders.find((folder) => existsSync(join(folder, 'rsyslog', 'omelasticsearch.so')));
  if (found === undefined)
    throw new Error(`Debian's rsyslog has no module for Elasticsearch below ${parent}`);
  return found;
}

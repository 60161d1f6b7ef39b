import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePrograms } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { unpackedPackages } from './debianPackages';

export interface RsyslogPrograms {
  rsyslogd: string;
  /** Where its modules are. */
  modules: string;
  /** Where the libraries are that Debian packages apart, for LD_LIBRARY_PATH. */
  libraries: string;
}

const PACKAGES = ['rsyslog', 'rsyslog-elasticsearch', 'libestr0', 'libfastjson4', 'liblognorm5'];

/**
 * Debian's rsyslog, unpacked and not installed: this machine keeps the system log that it has.
 * @throws Error when this is no Debian, or its packages cannot be reached
 */
export async function rsyslogPrograms(settings: Settings, progress: Progress): Promise<RsyslogPrograms> {
  const directory = await unpackedPackages('rsyslog', PACKAGES, settings, progress);
  // For its library, which rsyslog's module for Elasticsearch needs.
  await ensurePrograms([{ program: 'curl', debianPackage: 'curl' }], progress);
  const libraries = await libraryFolder(join(directory, 'usr', 'lib'));
  return {
    rsyslogd: join(directory, 'usr', 'sbin', 'rsyslogd'),
    modules: join(libraries, 'rsyslog'),
    libraries,
  };
}

/** Debian names it for the kind of machine, such as `x86_64-linux-gnu`. */
async function libraryFolder(parent: string): Promise<string> {
  const folders = (await readdir(parent)).map((name) => join(parent, name));
  const found = folders.find((folder) => existsSync(join(folder, 'rsyslog', 'omelasticsearch.so')));
  if (found === undefined)
    throw new Error(`Debian's rsyslog has no module for Elasticsearch below ${parent}`);
  return found;
}

import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { runCommand } from './command';
import type { Progress } from './progress';

/** A program that the stack runs, and the Debian package that contains it. */
export interface Prerequisite {
  /** A command that is searched on PATH, or an absolute path that must exist. */
  program: string;
  debianPackage: string;
}

/** What every start needs, even when everything is cached. */
export const runPrerequisites: readonly Prerequisite[] = [
  { program: 'runc', debianPackage: 'runc' },
  { program: '/usr/lib/cni/bridge', debianPackage: 'containernetworking-plugins' },
  { program: 'iptables', debianPackage: 'iptables' },
  { program: 'conntrack', debianPackage: 'conntrack' },
  { program: 'ip', debianPackage: 'iproute2' },
  { program: 'openssl', debianPackage: 'openssl' },
  { program: 'setpriv', debianPackage: 'util-linux' },
];

export const networkPolicyPrerequisites: readonly Prerequisite[] = [
  { program: 'ipset', debianPackage: 'ipset' },
];
export const javaPrerequisite: Prerequisite = { program: 'java', debianPackage: 'openjdk-17-jre-headless' };
export const mavenPrerequisites: readonly Prerequisite[] = [
  { program: 'mvn', debianPackage: 'maven' },
  { program: 'unzip', debianPackage: 'unzip' },
];
export const pythonPrerequisite: Prerequisite = { program: 'python3', debianPackage: 'python3' };
export const pipPrerequisites: readonly Prerequisite[] = [
  pythonPrerequisite,
  { program: 'pip3', debianPackage: 'python3-pip' },
];
export const imagePrerequisites: readonly Prerequisite[] = [
  { program: 'mmdebstrap', debianPackage: 'mmdebstrap' },
  { program: 'buildah', debianPackage: 'buildah' },
];

/** Folders of programs that an ordinary user's PATH omits on Debian. */
const systemDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * The absolute path of a program, or undefined when it is not found.
 * @param path - a PATH-like list of folders.
 */
export function findProgram(program: string, path = process.env.PATH ?? ''): string | undefined {
  if (program.startsWith('/')) return isExecutable(program) ? program : undefined;
  const directories = [...path.split(delimiter).filter(Boolean), ...systemDirectories];
  return directories.map((directory) => join(directory, program)).find(isExecutable);
}

/** @throws Error when this machine or this user cannot run a Kubernetes node. */
export function checkMachine(): void {
  if (process.platform !== 'linux')
    throw new Error(
      `The local Kubernetes node runs on Linux, and this is ${process.platform}. Name a cluster of your own with KUBECONFIG and KUBE_CONTEXT.`,
    );
  if (process.getuid?.() !== 0)
    throw new Error(
      `The local Kubernetes node needs root (namespaces, mounts, cgroups), and this is uid ${process.getuid?.()}. ` +
        'Run it with sudo, or name a cluster of your own with KUBECONFIG and KUBE_CONTEXT.',
    );
  const filesystems = readFileSync('/proc/filesystems', 'utf8');
  if (!/\boverlay$/m.test(filesystems))
    throw new Error(
      'The kernel has no overlay file system (/proc/filesystems), which containers need: modprobe overlay.',
    );
}

let installing: Promise<void> = Promise.resolve();

/**
 * Installs missing programs with apt-get, and reports it. Calls are serialized, as apt requires.
 * @throws Error that names every missing program when there is no apt-get or it fails.
 */
export function ensurePrograms(needed: readonly Prerequisite[], progress: Progress): Promise<void> {
  installing = installing.catch(() => undefined).then(() => installMissing(needed, progress));
  return installing;
}

async function installMissing(needed: readonly Prerequisite[], progress: Progress): Promise<void> {
  const missing = needed.filter(({ program }) => !findProgram(program));
  if (missing.length === 0) return;
  const programs = missing.map(({ program }) => program).join(', ');
  const packages = [...new Set(missing.map(({ debianPackage }) => debianPackage))];
  if (!findProgram('apt-get'))
    throw new Error(
      `Not installed: ${programs}. There is no apt-get here; install what Debian calls ${packages.join(', ')}.`,
    );
  await progress.step(`installing Debian packages: ${packages.join(', ')}`, async () => {
    const environment = { DEBIAN_FRONTEND: 'noninteractive' };
    const patient = ['-o', 'DPkg::Lock::Timeout=300'];
    await runCommand('apt-get', [...patient, 'update', '-qq'], { environment });
    await runCommand(
      'apt-get',
      [...patient, 'install', '-y', '-qq', '--no-install-recommends', ...packages],
      { environment },
    );
  });
  const still = missing.filter(({ program }) => !findProgram(program)).map(({ program }) => program);
  if (still.length > 0) throw new Error(`Still missing after apt-get install: ${still.join(', ')}.`);
}

/** The minimum Java version of Elasticsearch 8. */
const leastJava = 17;

/**
 * The home of a Java that Elasticsearch can use: ES_JAVA_HOME, JAVA_HOME, or that of `java` on PATH.
 * @throws Error with the version found, when it is too old.
 */
export async function findJavaHome(
  environment: Record<string, string | undefined> = process.env,
): Promise<string> {
  const named = environment.ES_JAVA_HOME || environment.JAVA_HOME;
  const java = named ? join(named, 'bin', 'java') : 'java';
  const settings = await javaSettings(java);
  const home = /java\.home = (.+)/.exec(settings)?.[1]?.trim();
  const version = /java\.specification\.version = (?:1\.)?(\d+)/.exec(settings)?.[1];
  if (!home || Number(version) < leastJava)
    throw new Error(
      `${java} is Java ${version ?? 'of an unknown version'}; Elasticsearch needs ${leastJava} or later. Set ES_JAVA_HOME.`,
    );
  return home;
}

async function javaSettings(java: string): Promise<string> {
  const lines: string[] = [];
  await runCommand(java, ['-XshowSettings:properties', '-version'], {
    onErrorLine: (line) => lines.push(line),
  });
  return lines.join('\n');
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

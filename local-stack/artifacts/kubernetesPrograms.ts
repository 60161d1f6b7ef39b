import { chmod } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../machine/command';
import { findProgram } from '../machine/prerequisites';
import type { Progress, ReportProgress } from '../machine/progress';
import type { Settings } from '../settings';
import { versions } from '../versions';
import { obtain } from './cache';
import { keyOfInputs } from './checksum';
import { download, type Download } from './download';
import { goBuild } from './goBuild';
import { firstThatWorks, type Source } from './sources';

/** The programs of a cluster. */
const programNames = [
  'etcd',
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
  'coredns',
] as const;

export type KubernetesProgram = (typeof programNames)[number];

/** How to run a program: the file, and its leading arguments. */
export type KubernetesPrograms = (name: KubernetesProgram) => { command: string; args: string[] };

/** Finds the Kubernetes programs: installed, downloaded or built, in this order. */
export function kubernetesPrograms(settings: Settings, progress: Progress): Promise<KubernetesPrograms> {
  return firstThatWorks(
    'Kubernetes',
    [installed(), downloaded(settings, progress), built(settings, progress)],
    {
      cacheDirectory: settings.cacheDirectory,
      progress,
    },
  );
}

function installed(): Source<KubernetesPrograms> {
  return {
    title: 'installed here',
    find: async () => {
      const found = new Map(programNames.map((name) => [name, findProgram(name)]));
      if ([...found.values()].includes(undefined)) return undefined;
      for (const [name, path] of found) {
        const version = await runCommand(path as string, versionArguments(name));
        if (!version.includes(pinnedVersion(name))) return undefined;
      }
      return (name) => ({ command: found.get(name) as string, args: [] });
    },
  };
}

function versionArguments(name: KubernetesProgram): string[] {
  if (name === 'kubectl') return ['version', '--client'];
  return [name === 'coredns' ? '-version' : '--version'];
}

function pinnedVersion(name: KubernetesProgram): string {
  if (name === 'etcd') return versions.etcd;
  return name === 'coredns' ? versions.coredns : `v${versions.kubernetes}`;
}

/** This processor's architecture, as Go's published programs name it. */
const goArchitecture = arch() === 'x64' ? 'amd64' : arch();

const officialPrograms: readonly KubernetesProgram[] = programNames.filter(
  (name) => name !== 'etcd' && name !== 'coredns',
);

function downloaded(settings: Settings, progress: Progress): Source<KubernetesPrograms> {
  const base = `https://dl.k8s.io/release/v${versions.kubernetes}/bin/linux/${goArchitecture}`;
  const etcd = `https://github.com/etcd-io/etcd/releases/download/v${versions.etcd}`;
  const etcdArchive = `etcd-v${versions.etcd}-linux-${goArchitecture}`;
  const coredns = `https://github.com/coredns/coredns/releases/download/v${versions.coredns}/coredns_${versions.coredns}_linux_${goArchitecture}.tgz`;
  const archives: Download[] = [
    { url: `${etcd}/${etcdArchive}.tar.gz`, checksumUrl: `${etcd}/SHA256SUMS`, algorithm: 'sha256' },
    { url: coredns, checksumUrl: `${coredns}.sha256`, algorithm: 'sha256' },
  ];
  const fetchAll = async (into: string, report: ReportProgress) => {
    for (const name of officialPrograms) {
      const url = `${base}/${name}`;
      await download({ url, checksumUrl: `${url}.sha256`, algorithm: 'sha256' }, join(into, name), (detail) =>
        report(`${name} ${detail}`),
      );
      await chmod(join(into, name), 0o755);
    }
    for (const archive of archives) {
      const file = join(into, 'archive.tar.gz');
      await download(archive, file, report);
      const members = archive.url.includes('etcd')
        ? ['--strip-components=1', `${etcdArchive}/etcd`]
        : ['coredns'];
      await runCommand('tar', ['-xzf', file, '-C', into, '--no-same-owner', ...members]);
      await runCommand('rm', [file]);
    }
  };
  return {
    title: 'official download',
    url: `${base}/kubelet.sha256`,
    find: async () => {
      const key = await keyOfInputs([base, ...archives.map(({ url }) => url)]);
      const directory = await obtain(
        {
          title: `Kubernetes ${versions.kubernetes} (download)`,
          name: 'kubernetes-download',
          key,
          make: fetchAll,
        },
        settings.cacheDirectory,
        progress,
      );
      return (name) => ({ command: join(directory, name), args: [] });
    },
  };
}

function built(settings: Settings, progress: Progress): Source<KubernetesPrograms> {
  const directory = join(settings.checkout, 'local-stack', 'kubernetes');
  const [major, minor] = versions.kubernetes.split('.');
  const variables = {
    gitVersion: `v${versions.kubernetes}`,
    gitMajor: major,
    gitMinor: minor,
    gitTreeState: 'clean',
  };
  const set = Object.entries(variables).map(
    ([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`,
  );
  const linkerFlags = ['-s', '-w', ...set].join(' ');
  return {
    title: 'built from Go modules',
    find: async () => {
      const inputs = ['go.mod', 'go.sum', 'main.go', 'dns.go'].map((name) => ({
        name,
        path: join(directory, name),
      }));
      const key = await keyOfInputs([linkerFlags, goArchitecture], inputs);
      const made = await obtain(
        {
          title: `Kubernetes ${versions.kubernetes} (Go build, once; some minutes)`,
          name: 'kubernetes',
          key,
          make: (into, report) =>
            goBuild({ directory, package: '.', linkerFlags }, join(into, 'kubernetes'), report),
        },
        settings.cacheDirectory,
        progress,
      );
      return (name) => ({ command: join(made, 'kubernetes'), args: [name] });
    },
  };
}

import { join } from 'node:path';
import { mkdir } from 'node:fs/promises';
import type { ClusterContext } from './context';
import { httpStatus } from './httpCheck';
import { ServerPart } from './serverPart';

/** The cluster's database, on loopback, only for clients with a certificate of its own authority. */
export function etcd({ settings, programs, credentials }: ClusterContext): ServerPart {
  const client = `https://127.0.0.1:${settings.ports.etcd}`;
  const peer = `https://127.0.0.1:${settings.ports.etcdPeer}`;
  const { etcdServer, etcdAuthority, etcdClient } = credentials;
  return new ServerPart({
    settings,
    name: 'etcd',
    specification: async () => {
      const data = join(settings.stateDirectory, 'etcd');
      await mkdir(data, { recursive: true, mode: 0o700 });
      const program = programs('etcd');
      return {
        command: program.command,
        args: [
          ...program.args,
          '--name=local',
          `--data-dir=${data}`,
          `--listen-client-urls=${client}`,
          `--advertise-client-urls=${client}`,
          `--listen-peer-urls=${peer}`,
          `--initial-advertise-peer-urls=${peer}`,
          `--initial-cluster=local=${peer}`,
          '--client-cert-auth',
          `--trusted-ca-file=${etcdAuthority.certificate}`,
          `--cert-file=${etcdServer.certificate}`,
          `--key-file=${etcdServer.key}`,
          '--peer-client-cert-auth',
          `--peer-trusted-ca-file=${etcdAuthority.certificate}`,
          `--peer-cert-file=${etcdServer.certificate}`,
          `--peer-key-file=${etcdServer.key}`,
          // A single member elects itself, so it does not have to wait for others.
          '--heartbeat-interval=50',
          '--election-timeout=250',
          '--auto-compaction-retention=1h',
          '--log-level=warn',
        ],
      };
    },
    isReady: async () =>
      (await httpStatus(`${client}/readyz`, { authority: etcdAuthority.certificate, client: etcdClient })) ===
      200,
    readyWithin: 30_000,
  });
}

import { Resolver } from 'node:dns/promises';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClusterContext } from './context';
import { ServerPart } from './serverPart';

/**
 * Resolves the names of Services, on the host end of the veth pair. It does not forward other names: pods
 * have no route to their addresses, and external queries would let tested code send data out.
 */
export function dns({ settings, programs, credentials }: ClusterContext): ServerPart {
  const address = settings.network.hostAddress;
  const port = settings.ports.dns;
  return new ServerPart({
    settings,
    name: 'coredns',
    specification: async () => {
      const directory = join(settings.stateDirectory, 'coredns');
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const corefile = join(directory, 'Corefile');
      const text = `cluster.local:${port} in-addr.arpa:${port} {
  bind ${address}
  errors
  kubernetes cluster.local in-addr.arpa {
    kubeconfig ${credentials.kubeconfigs.dns}
    ttl 5
  }
  cache 5
  loadbalance
}
`;
      await writeFile(corefile, text);
      const program = programs('coredns');
      return { command: program.command, args: [...program.args, '-conf', corefile] };
    },
    isReady: async () => {
      const resolver = new Resolver({ timeout: 500, tries: 1 });
      resolver.setServers([`${address}:${port}`]);
      const found = await resolver.resolve4('kubernetes.default.svc.cluster.local');
      return found.includes(settings.network.apiserverServiceAddress);
    },
    readyWithin: 60_000,
  });
}

import { lookup } from 'node:dns/promises';
import { BlockList, isIPv4 } from 'node:net';
import type { V1HostAlias } from '@kubernetes/client-node';

/** The package index that pods install requirements from. */
export interface PackageIndex {
  /** May contain a user and a password. */
  url: string;
  /** The range of its addresses, to which network policies allow connections. */
  cidr: string;
  /** Its addresses, if `url` has a host name: pods cannot resolve it. */
  hostAliases?: V1HostAlias[];
}

/**
 * Resolves the host name of a package index, if it has one.
 * @param url PACKAGE_INDEX_URL
 * @param cidr PACKAGE_INDEX_CIDR, which must contain every address of the host
 * @throws Error that names the setting that must be changed
 */
export async function resolvePackageIndex(
  url: string,
  cidr: string,
  resolve: (hostname: string) => Promise<string[]> = addressesOf,
): Promise<PackageIndex> {
  const { hostname } = new URL(url);
  if (isIPv4(hostname)) return { url, cidr };
  const addresses = await resolve(hostname).catch((error: unknown) => {
    throw new Error(`PACKAGE_INDEX_URL names the host ${hostname}, which this worker cannot resolve.`, {
      cause: error,
    });
  });
  const outside = addresses.filter((address) => !contains(cidr, address));
  if (outside.length > 0)
    throw new Error(
      `PACKAGE_INDEX_CIDR is ${cidr}, and the host ${hostname} of PACKAGE_INDEX_URL has the address ` +
        `${outside.join(', ')}. Name a range that contains all its addresses.`,
    );
  return { url, cidr, hostAliases: addresses.sort().map((ip) => ({ ip, hostnames: [hostname] })) };
}

async function addressesOf(hostname: string): Promise<string[]> {
  return (await lookup(hostname, { all: true, family: 4 })).map(({ address }) => address);
}

function contains(cidr: string, address: string): boolean {
  const [network = '', prefix = '32'] = cidr.split('/');
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), 'ipv4');
  return list.check(address, 'ipv4');
}

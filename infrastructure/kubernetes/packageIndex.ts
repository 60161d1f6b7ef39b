import { isIPv4 } from 'node:net';
import type { V1HostAlias } from '@kubernetes/client-node';
import { resolveHost, type Resolve } from './resolveHost';

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
  resolve?: Resolve,
): Promise<PackageIndex> {
  const { hostname } = new URL(url);
  if (isIPv4(hostname)) return { url, cidr };
  const settings = { url: 'PACKAGE_INDEX_URL', cidr: 'PACKAGE_INDEX_CIDR' };
  const addresses = await resolveHost(hostname, cidr, settings, resolve);
  return { url, cidr, hostAliases: addresses.map((ip) => ({ ip, hostnames: [hostname] })) };
}

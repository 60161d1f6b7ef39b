import { lookup } from 'node:dns/promises';
import { BlockList, isIPv4 } from 'node:net';

export type Resolve = (hostname: string) => Promise<string[]>;

/**
 * The addresses of a host that pods reach, sorted.
 * @param cidr the range to which network policies allow connections; any address if not given
 * @param settings names of the settings with the host and the range, for messages
 * @throws Error that names the setting that must be changed
 */
export async function resolveHost(
  hostname: string,
  cidr: string | undefined,
  settings: { url: string; cidr: string },
  resolve: Resolve = addressesOf,
): Promise<string[]> {
  if (isIPv4(hostname)) return [hostname];
  const addresses = await resolve(hostname).catch((error: unknown) => {
    throw new Error(`${settings.url} names the host ${hostname}, which this worker cannot resolve.`, {
      cause: error,
    });
  });
  const outside = addresses.filter((address) => cidr !== undefined && !contains(cidr, address));
  if (outside.length > 0)
    throw new Error(
      `${settings.cidr} is ${cidr}, and the host ${hostname} of ${settings.url} has the address ` +
        `${outside.join(', ')}. Name a range that contains all its addresses.`,
    );
  return addresses.sort();
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

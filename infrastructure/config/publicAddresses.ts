import { BlockList, isIPv4, isIPv6 } from 'node:net';

/**
 * IPv4 addresses that are not on the public internet, by the IANA IPv4 Special-Purpose Address Registry (RFC 6890
 * and its updates): https://www.iana.org/assignments/iana-ipv4-special-registry
 */
export const NON_PUBLIC_IPV4: readonly string[] = [
  '0.0.0.0/8', // this network, RFC 791
  '10.0.0.0/8', // private, RFC 1918
  '100.64.0.0/10', // carrier-grade NAT, RFC 6598; has metadata servers of clouds
  '127.0.0.0/8', // loopback, RFC 1122
  '168.63.129.16/32', // not in the registry: the virtual server of each machine on Azure
  '169.254.0.0/16', // link-local, RFC 3927; has metadata servers of clouds, and node-local DNS
  '172.16.0.0/12', // private, RFC 1918
  '192.0.0.0/24', // IETF protocol assignments, RFC 6890; has metadata servers of clouds
  '192.0.2.0/24', // documentation, RFC 5737
  '192.88.99.0/24', // relays of 6to4, deprecated by RFC 7526
  '192.168.0.0/16', // private, RFC 1918
  '198.18.0.0/15', // benchmarks, RFC 2544
  '198.51.100.0/24', // documentation, RFC 5737
  '203.0.113.0/24', // documentation, RFC 5737
  '224.0.0.0/4', // multicast, RFC 5771
  '240.0.0.0/4', // reserved, RFC 1112, and broadcast, RFC 919
];

/**
 * The only IPv6 addresses that IANA assigns to the public internet (RFC 4291). Loopback, unique local (RFC 4193),
 * link-local and multicast addresses, and those that contain an IPv4 address (RFC 4291, RFC 6052), are outside.
 */
export const GLOBAL_UNICAST_IPV6 = '2000::/3';

/**
 * Parts of it that are not on the public internet, by the IANA IPv6 Special-Purpose Address Registry:
 * https://www.iana.org/assignments/iana-ipv6-special-registry
 */
export const NON_PUBLIC_IPV6: readonly string[] = [
  '2001::/23', // IETF protocol assignments, RFC 2928, with Teredo (RFC 4380), which contains IPv4 addresses
  '2001:db8::/32', // documentation, RFC 3849
  '2002::/16', // 6to4, which contains IPv4 addresses, RFC 3056
  '3fff::/20', // documentation, RFC 9637
];

/** Whether an address is on the public internet. False for what is no address. */
export function isPublic(address: string): boolean {
  if (isIPv4(address)) return !nonPublic.check(address, 'ipv4');
  return isIPv6(address) && global.check(address, 'ipv6') && !nonPublic.check(address, 'ipv6');
}

const nonPublic = listOf([...NON_PUBLIC_IPV4, ...NON_PUBLIC_IPV6]);
const global = listOf([GLOBAL_UNICAST_IPV6]);

function listOf(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [network = '', prefix] = range.split('/');
    list.addSubnet(network, Number(prefix), isIPv4(network) ? 'ipv4' : 'ipv6');
  }
  return list;
}

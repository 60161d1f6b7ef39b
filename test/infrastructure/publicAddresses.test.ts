import { isPublic } from '../../infrastructure/config/publicAddresses';

test.each([
  ...['8.8.8.8', '1.1.1.1', '9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.31.196.1'],
  ...['100.63.255.255', '100.128.0.0', '169.253.255.255', '223.255.255.255', '168.63.129.17'],
  ...['2606:4700::1111', '2001:4860:4860::8888', '2a00::1'],
])('%s is public', (address) => expect(isPublic(address)).toBe(true));

test.each([
  ['private', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1', 'fd00::1'],
  ['loopback', '127.0.0.1', '127.255.255.255', '::1'],
  ['unspecified', '0.0.0.0', '0.1.2.3', '::'],
  ['link-local', '169.254.0.1', 'fe80::1'],
  ['of carrier-grade NAT', '100.64.0.1', '100.127.255.255'],
  ['multicast or broadcast', '224.0.0.1', '239.1.1.1', '255.255.255.255', 'ff02::1'],
  ['for documentation', '192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1', '3fff::1'],
  [
    'metadata of clouds',
    '169.254.169.254',
    '168.63.129.16',
    '100.100.100.200',
    '192.0.0.192',
    'fd00:ec2::254',
  ],
  ['IPv4 in IPv6', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '64:ff9b::a00:1', '2002:a00:1::', '2001:0:a00:1::'],
  ['no address', '', 'localhost', '8.8.8', '8.8.8.8/32', '0x8080808', 'fe80::1%eth0'],
])('what is %s is not public', (_, ...addresses) => {
  for (const address of addresses) expect([address, isPublic(address)]).toEqual([address, false]);
});

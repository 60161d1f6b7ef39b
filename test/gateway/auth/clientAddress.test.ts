import type { IncomingMessage } from 'node:http';
import { clientAddress } from '../../../gateway/auth/clientAddress';

const request = (remoteAddress: string | undefined, forwarded?: string) =>
  ({
    socket: { remoteAddress },
    headers: { ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }) },
  }) as unknown as IncomingMessage;

test('without trusted proxies it is the other end of the connection, whatever a header says', () => {
  expect(clientAddress()(request('::ffff:192.0.2.7', '198.51.100.1'))).toBe('192.0.2.7');
  expect(clientAddress()(request(undefined))).toBeUndefined();
});

test.each([
  ['192.0.2.7', '198.51.100.1', '192.0.2.7'], // not a trusted proxy
  ['10.1.2.3', undefined, '10.1.2.3'],
  ['10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['10.1.2.3', '203.0.113.9, 198.51.100.1', '198.51.100.1'], // the client forged the first address
  ['10.1.2.3', '198.51.100.1, 10.9.9.9', '198.51.100.1'], // two proxies in a chain
  ['fd00::1', '2001:db8::5', '2001:db8::5'],
  ['10.1.2.3', 'unknown', '10.1.2.3'],
  ['10.1.2.3', '198.51.100.1:4711', '10.1.2.3'],
])('from %s with X-Forwarded-For %s it is %s', (remote, forwarded, expected) => {
  expect(clientAddress(['10.0.0.0/8', 'uniquelocal'])(request(remote, forwarded))).toBe(expected);
});

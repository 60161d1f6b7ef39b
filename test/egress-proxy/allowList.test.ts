import { allows, describeHosts, targetOf } from '../../egress-proxy/allowList';

const hosts = [
  { host: 'api.example.com', ports: [443, 80] },
  { host: '*.example.org', ports: [443] },
];

test.each([
  ['api.example.com:443', true],
  ['API.Example.COM.:80', true],
  ['api.example.com:8080', false],
  ['example.com:443', false],
  ['x.api.example.com:443', false],
  ['xapi.example.com:443', false],
  ['a.example.org:443', true],
  ['a.b.example.org:443', true],
  ['example.org:443', false],
  ['aexample.org:443', false],
  ['a.example.org:80', false],
  ['a.example.org.evil.net:443', false],
])('%s is allowed: %s', (authority, allowed) => {
  const target = targetOf(authority);
  expect(target).not.toBeNull();
  expect(allows(hosts, target!)).toBe(allowed);
});

test.each([
  ...['', 'example.com', 'example.com:', 'example.com:0', 'example.com:65536', 'example.com:4x', ':443'],
  ...['10.0.0.1:443', '[::1]:443', '::1:443'],
  ...['127.1:443', '2130706433:443', 'user@example.com:443', 'exa mple.com:443', 'a..b:443', 'a%2eb:443'],
  ...['example.com:443\r\nX: y', `${'a.'.repeat(127)}com:443`, 'é.example.com:443', '*.example.org:443'],
])('%j is no target', (authority) => expect(targetOf(authority)).toBeNull());

test('a default port is for an authority without one', () => {
  expect(targetOf('example.com', 80)).toEqual({ host: 'example.com', port: 80 });
  expect(targetOf('example.com:8080', 80)).toEqual({ host: 'example.com', port: 8080 });
});

test('a list is described with its ports', () => {
  expect(describeHosts(hosts)).toBe('api.example.com (443, 80), *.example.org (443)');
  expect(describeHosts([])).toBe('none');
});

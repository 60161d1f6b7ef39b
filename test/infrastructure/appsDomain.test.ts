import { readConfig } from '../../infrastructure/config/config';
import { originOf } from '../../infrastructure/config/appsDomain';
import { programUrls } from '../../gateway/protocol/programUrl';

const read = (APPS_DOMAIN: string) => readConfig(['APPS_DOMAIN'], { APPS_DOMAIN }).APPS_DOMAIN!;

test.each([
  ['apps.localhost:8000', 'http://ada.apps.localhost:8000'],
  ['apps.example.net', 'https://ada.apps.example.net'],
  ['https://apps.example.net:443', 'https://ada.apps.example.net'],
  ['Apps.Example.NET:8443', 'https://ada.apps.example.net:8443'],
  ['http://apps.lan:8000', 'http://ada.apps.lan:8000'],
  ['https://apps.localhost', 'https://ada.apps.localhost'],
  ['apps.127.0.0.1.nip.io:80', 'https://ada.apps.127.0.0.1.nip.io:80'],
])('programs of APPS_DOMAIN=%s are at %s', (text, origin) => {
  expect(originOf('ada', read(text))).toBe(origin);
  expect(new URL(origin).origin).toBe(origin);
});

test.each([
  ...[
    'localhost:8000',
    'example',
    '127.0.0.1',
    '127.0.0.1:8000',
    '[::1]:8000',
    'apps.example.net.',
    '.example.net',
  ],
  ...[
    'apps..net',
    '*.example.net',
    '-a.example.net',
    'apps.example.net/',
    'ftp://apps.example.net',
    'a_b.example.net',
  ],
  ...['apps.example.net:0', 'apps.example.net:65536', 'x@example.net', `${'a.'.repeat(110)}net`],
])('APPS_DOMAIN=%s is refused', (text) => {
  expect(() => read(text)).toThrow('APPS_DOMAIN must be a domain of at least two labels, such as');
});

test('the URL of a program is at its own origin, or a path, or there is none', () => {
  const domain = read('apps.example.net');
  expect(programUrls({ isForwarding: true, domain })('ada')).toBe('https://ada.apps.example.net/');
  expect(programUrls({ isForwarding: true, domain: null })('ada')).toBe('/apps/ada/');
  expect(programUrls({ isForwarding: false, domain: null })('ada')).toBeNull();
});

test('a user whose id browsers refuse as part of a host name keeps the path', () => {
  const domain = read('apps.example.net');
  expect(programUrls({ isForwarding: true, domain })('xn--a')).toBe('/apps/xn--a/');
});

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readConfig } from '../../infrastructure/config/config';
import { accessTo } from '../../infrastructure/elasticsearch/access';
import { accessOf } from '../../infrastructure/temporal/connection';

/** Access to Temporal and Elasticsearch, and the errors for settings that do not fit together. */

const address = 'temporal:7233';
const file = __filename; // Any readable file.

test('Temporal is reached in the clear unless something asks for TLS', () => {
  expect(accessOf({ TEMPORAL_ADDRESS: address })).toEqual({ address });
  expect(accessOf({ TEMPORAL_ADDRESS: address, TEMPORAL_TLS: 'true' })).toEqual({ address, tls: {} });
});

test('an API key goes by TLS, as Temporal Cloud wants it', () => {
  expect(accessOf({ TEMPORAL_ADDRESS: address, TEMPORAL_API_KEY: 'key' })).toEqual({
    ...{ address, apiKey: 'key', tls: {} },
  });
});

test('mTLS takes the certificate, its key, the authority and the name of the server', () => {
  const content = readFileSync(file);
  expect(
    accessOf({
      TEMPORAL_ADDRESS: address,
      TEMPORAL_TLS_CLIENT_CERT_PATH: file,
      TEMPORAL_TLS_CLIENT_KEY_PATH: file,
      TEMPORAL_TLS_SERVER_CA_CERT_PATH: file,
      TEMPORAL_TLS_SERVER_NAME: 'temporal.example.com',
    }),
  ).toEqual({
    address,
    tls: {
      clientCertPair: { crt: content, key: content },
      serverRootCACertificate: content,
      serverNameOverride: 'temporal.example.com',
    },
  });
});

test('half a pair, and TLS that is turned off with settings that need it, are errors', () => {
  const half = { TEMPORAL_ADDRESS: address, TEMPORAL_TLS_CLIENT_CERT_PATH: file };
  expect(() => accessOf(half)).toThrow(/CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH go together/);
  const off = { TEMPORAL_ADDRESS: address, TEMPORAL_TLS: 'false', TEMPORAL_API_KEY: 'key' } as const;
  expect(() => accessOf(off)).toThrow(/TEMPORAL_TLS is false/);
});

test('a path that is no file is told with its variable', () => {
  const environment = { TEMPORAL_TLS_CLIENT_KEY_PATH: '/nowhere', ELASTICSEARCH_CA_FILE: '/tmp' };
  expect(() => readConfig(['TEMPORAL_TLS_CLIENT_KEY_PATH', 'ELASTICSEARCH_CA_FILE'], environment)).toThrow(
    /TEMPORAL_TLS_CLIENT_KEY_PATH is \/nowhere, which must be a file that this process can read; ELASTICSEARCH_CA_FILE is \/tmp,/,
  );
});

test('an API key of Elasticsearch never travels in the clear', () => {
  const plain = { ELASTICSEARCH_HOST: 'http://elastic:9200', ELASTICSEARCH_API_KEY: 'key' };
  expect(() => accessTo(plain)).toThrow(/ELASTICSEARCH_HOST is http:.*need https/);
  expect(accessTo({ ...plain, ELASTICSEARCH_HOST: 'https://elastic:9200' })).toEqual({
    node: 'https://elastic:9200',
    auth: { apiKey: 'key' },
  });
});

const base64 = (bytes: number) => randomBytes(bytes).toString('base64');

test('keys of payloads have an id each and 32 bytes', () => {
  const { PAYLOAD_KEYS } = readConfig(['PAYLOAD_KEYS'], {
    PAYLOAD_KEYS: `new:${base64(32)}, old:${base64(32)}`,
  });
  expect(PAYLOAD_KEYS?.map(({ id, bytes }) => [id, bytes.length])).toEqual([
    ['new', 32],
    ['old', 32],
  ]);
});

test.each([
  ['a short one', `a:${base64(32)},b:${base64(16)}`, 'entry 2 is invalid'],
  ['one without an id', base64(32), 'entry 1 is invalid'],
  ['two of one id', `a:${base64(32)},a:${base64(32)}`, 'two keys with the id a'],
])('of keys, %s is an error that shows no key', (_, keys, message) => {
  const read = () => readConfig(['PAYLOAD_KEYS'], { PAYLOAD_KEYS: keys });
  expect(read).toThrow(message);
  expect(read).not.toThrow(keys.slice(2, 12));
});

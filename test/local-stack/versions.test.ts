import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadLanguages } from '../../sandbox/languages/languages';
import { nodePackageIntegrity, olderPostgresql, versions } from '../../local-stack/versions';

const ROOT = join(__dirname, '..', '..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

const { debian, debianRelease, node, postgresql, python } = versions;
const NODE = `docker.io/library/node:${node}-${debian}-slim`;
const DEBIAN = `docker.io/library/debian:${debianRelease}-slim`;

/** The default bases of a Dockerfile, by argument. */
const basesOf = (file: string): Record<string, string> =>
  Object.fromEntries(
    [...read(file).matchAll(/^ARG (\w+_IMAGE)=(.*)$/gm)].map(([, name = '', image = '']) => [name, image]),
  );

test.each([
  ['Dockerfile.gateway', { BASE_IMAGE: NODE, RUNTIME_IMAGE: DEBIAN }],
  ['Dockerfile.worker', { BASE_IMAGE: NODE, RUNTIME_IMAGE: DEBIAN }],
  ['Dockerfile.test', { BASE_IMAGE: DEBIAN, NODE_IMAGE: NODE }],
  ['sandbox/production-pod/Dockerfile', { BASE_IMAGE: DEBIAN, NODE_IMAGE: NODE }],
  [
    'sandbox/production-pod/database/Dockerfile',
    { BASE_IMAGE: `docker.io/library/postgres:${postgresql}-${debian}` },
  ],
])('the public bases of %s have the versions of those made here', (file, bases) => {
  expect(basesOf(file)).toEqual(bases);
});

test('languages name the versions of their images', () => {
  const languages = loadLanguages();
  expect(languages.get('javascript')?.version).toBe(node);
  expect(languages.get('python')?.version).toBe(python);
});

test.each(['Dockerfile.test', 'sandbox/production-pod/Dockerfile'])(
  '%s installs the packages of the languages',
  (file) => {
    expect(read(file)).toContain('RUN sh /opt/languages/install-packages.sh\n');
  },
);

test('there is an integrity for the pinned Node, and no image for a major that is current', () => {
  expect(nodePackageIntegrity).toMatch(/^sha512-[\w+/]{86}==$/);
  expect(Object.keys(olderPostgresql)).not.toContain(postgresql);
});

test.each(['docs/install.md', 'docs/local-stack.md', 'compose.yaml'])(
  '%s names no base of before',
  (file) => {
    expect(read(file)).not.toMatch(/(?:node|python|postgres|debian):[\w.-]*bookworm/);
  },
);

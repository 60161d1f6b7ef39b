import { randomBytes } from 'node:crypto';
import { loadLanguages } from '../../sandbox/languages/languages';
import { kubectl } from './kubectl';
import { stack } from './stack';
import { still, testRuns } from './testRuns';

/** The gateway's information on languages (`GET /api/languages`) matches the pods. */

const userId = `langs-${randomBytes(4).toString('hex')}`;
const runs = testRuns(userId);
const languages = loadLanguages();

/** Programs that print the version of the interpreter, and of each package in their arguments. */
const PROGRAMS: Record<string, string> = {
  python: `
import importlib.metadata as metadata, json, platform
versions = {name: metadata.version(name) for name in ('psycopg2', 'pytest')}
print(json.dumps({'version': platform.python_version(), 'packages': versions}))`,
  javascript: 'console.log(JSON.stringify({ version: process.versions.node, packages: {} }))',
};

beforeAll(() => runs.environments.ensure(userId, still()));
afterAll(() => runs.remove());

const expectVersions = (name: string, printed: string) => {
  const { version, packages } = languages.get(name)!;
  const found = JSON.parse(printed) as { version: string; packages: Record<string, string> };
  expect(`${found.version}.`).toMatch(new RegExp(`^${version.replaceAll('.', '\\.')}\\.`));
  expect(found.packages).toEqual(packages);
};

test('every language has a program here', () => {
  expect(Object.keys(PROGRAMS).sort()).toEqual([...languages.keys()].sort());
});

test.each(Object.keys(PROGRAMS))('tests run %s in the version that is told', async (name) => {
  const entrypoint = languages.get(name)!.fileName;
  const program = { language: name, files: { [entrypoint]: PROGRAMS[name]! }, entrypoint, requirements: [] };
  const report = await runs.run('', { program });
  expect(report.outcome).toBe('passed');
  expectVersions(name, report.stdout.text);
});

test('production runs the same versions', async () => {
  const commands = {
    python: ['python3', '-c', PROGRAMS.python!.replaceAll("('psycopg2', 'pytest')", "('psycopg2',)")],
    javascript: ['node', '-e', PROGRAMS.javascript!],
  };
  const name = `versions-${randomBytes(4).toString('hex')}`;
  const { program: image } = stack().images;
  const containers = Object.entries(commands).map(([language, command]) => {
    return { name: language, image, command, imagePullPolicy: 'IfNotPresent' };
  });
  const overrides = JSON.stringify({ spec: { containers } });
  const pod = [`pod/${name}`, '-n', 'default'];
  await kubectl('run', name, '-n', 'default', '--restart=Never', '--image', image, '--overrides', overrides);
  try {
    await kubectl('wait', ...pod, '--for=jsonpath={.status.phase}=Succeeded', '--timeout=60s');
    for (const language of Object.keys(commands)) {
      const { version } = JSON.parse(await kubectl('logs', ...pod, '-c', language)) as { version: string };
      expect(`${version}.`.startsWith(`${languages.get(language)!.version}.`)).toBe(true);
    }
  } finally {
    await kubectl('delete', ...pod, '--wait=false');
  }
});

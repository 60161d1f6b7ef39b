import { randomBytes } from 'node:crypto';
import { loadLanguages } from '../../infrastructure/languages/languages';
import { kubectl } from './kubectl';
import { stack } from './stack';
import { still, testRuns } from './testRuns';

/** What the gateway says of languages (`GET /api/languages`) is what the pods run. */

const userId = `langs-${randomBytes(4).toString('hex')}`;
const runs = testRuns(userId);
const languages = loadLanguages();

/** Prints the version of the interpreter, and of each package that is named to it. */
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
  for (const [name, command] of [
    ['python', ['python3', '-c', PROGRAMS.python!.replaceAll("('psycopg2', 'pytest')", "('psycopg2',)")]],
    ['javascript', ['node', '-e', PROGRAMS.javascript!]],
  ] as const) {
    const pod = `versions-${name}`;
    const overrides = {
      spec: {
        containers: [
          { name: 'program', image: stack().images.program, command, imagePullPolicy: 'IfNotPresent' },
        ],
      },
    };
    const printed = await kubectl(
      ...['run', pod, '-n', 'default', '--rm', '--attach', '--quiet', '--restart=Never'],
      ...['--image', stack().images.program, '--overrides', JSON.stringify(overrides)],
    );
    const { version } = JSON.parse(printed) as { version: string };
    expect(`${version}.`.startsWith(`${languages.get(name)!.version}.`)).toBe(true);
  }
});

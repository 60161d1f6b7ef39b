import { readdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { buildPlatform, compiledFile } from './build';
import { SHARED_PLATFORM_VARIABLE, startPlatform } from './integration/platform';
import { STACK_VARIABLE } from './integration/stack';
import { Phases, type Command } from './phases';
import { reservePort } from './reservedPorts';
import { withServers } from './servers';

/**
 * Runs tests. Those that need servers use the running local stack, or start and stop one.
 *
 *   npm test                        static checks, unit, replay, integration and browser tests
 *   npm test -- --all               also the long proofs (test/proofs, a short chaos run); default with CI=true
 *   npm run check                   static checks and unit tests, which need no server
 *   npm run test:integration [FILE] only tests on real servers; only FILE, if given
 */

const LINT: Command = ['npm', 'run', '--silent', 'lint'];
const TYPES: Command = ['npm', 'run', '--silent', 'types'];
const SHORT_CHAOS: Command = [process.execPath, compiledFile('test/chaos/main.ts'), '--short'];

const inCi = process.env.CI === 'true';

/** On two cores Jest would run only one file at a time. */
const IN_PARALLEL = ['--maxWorkers', '100%'];

/** CI allows 90 minutes: a run that hangs still prints where it was, and what failed before. */
const MAX_CI_SECONDS = 85 * 60;

/**
 * In CI, long phases only start before this time. On a machine that is several times slower than usual, the
 * run then still ends in time, and names what it skipped. A usual run has ended by then.
 */
const BEGIN_IN_CI_SECONDS = 65 * 60;

/** How many integration test files run concurrently, on any number of cores: they mostly wait. */
const AT_A_TIME = 3;

async function main(phases: Phases): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { all: { type: 'boolean', default: inCi } },
  });
  const [mode = 'everything', ...files] = positionals;
  if (mode === 'integration') return onServers(phases, files, values.all);
  // Static checks do not need a quiet machine; tests wait until these and all builds are done.
  const checks = Promise.all([phases.run('lint', LINT), phases.run('types', TYPES)]);
  if (mode === 'check') {
    await checks;
    return phases.jest('unit tests', ['--selectProjects', 'unit', ...IN_PARALLEL]);
  }
  const beforeServers = async () => {
    await checks;
    await phases.jest('unit tests, fast and slow', [...['--selectProjects', 'unit', 'slow'], ...IN_PARALLEL]);
    await phases.jest('replay', ['--selectProjects', 'replay', ...IN_PARALLEL]);
  };
  try {
    await onServers(phases, files, values.all, beforeServers);
  } finally {
    await checks; // Also without a stack: the summary contains all that ran.
  }
}

/** @param first runs before the tests on servers, once the servers are ready */
async function onServers(
  phases: Phases,
  files: string[],
  all: boolean,
  first = () => Promise.resolve(),
): Promise<void> {
  await withServers(async (servers) => {
    await first();
    process.env[STACK_VARIABLE] = JSON.stringify(servers);
    // Otherwise chaos would use a separate stack.
    process.env.LOCAL_STACK_NUMBER ||= '0';
    await runOnServers(phases, files, all);
  }, stopped);
}

async function runOnServers(phases: Phases, files: string[], all: boolean): Promise<void> {
  const built = await phases.measure('build', buildPlatform);
  Object.assign(process.env, built);
  const jest = (name: string, project: string, ...options: string[]) =>
    phases.jest(name, [...files, '--passWithNoTests', '--selectProjects', project, ...options]);
  const platform = await phases.measure('start the shared platform', async () => {
    const port = await reservePort();
    return startPlatform({
      ...{ FORWARD_APPS: 'on', APPS_DOMAIN: `apps.localhost:${port}`, PORT: String(port) },
      TEMPORAL_UI_URL: 'http://127.0.0.1:8233',
    });
  });
  if (platform === undefined) return;
  try {
    const { url, apiKey, index, taskQueue } = platform;
    process.env[SHARED_PLATFORM_VARIABLE] = JSON.stringify({ url, apiKey, index, taskQueue });
    await jest('integration tests', 'integration', '--maxWorkers', String(AT_A_TIME));
  } finally {
    await platform.stop();
  }
  await jest('tests that need the stack for themselves', 'serial', '--runInBand');
  if (files.length > 0) return jest('long proofs', 'proofs', '--runInBand');
  if (!all) return;
  for (const file of readdirSync('test/proofs').filter((name) => name.endsWith('.test.ts')))
    await inTime(phases, `proof ${file}`, (name) =>
      phases.jest(name, ['--selectProjects=proofs', '--runInBand', `/${file}`]),
    );
  await inTime(phases, 'chaos, in short', (name) => phases.run(name, SHORT_CHAOS));
}

async function inTime(phases: Phases, name: string, run: (name: string) => Promise<void>): Promise<void> {
  if (inCi && process.uptime() > BEGIN_IN_CI_SECONDS) phases.leftOut.push(name);
  else await run(name);
}

/**
 * Aborted by a signal: the running command is stopped, and no other starts. A second one ends this process.
 */
function stopAsked(): AbortSignal {
  const asked = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => asked.abort());
  if (inCi) setTimeout(() => asked.abort(), MAX_CI_SECONDS * 1_000).unref();
  return asked.signal;
}

const stopped = stopAsked();
const phases = new Phases(stopped);
main(phases)
  .catch((error: unknown) => {
    console.error(error);
    phases.failed.push('the run itself');
  })
  .finally(() => {
    if (stopped.aborted) phases.failed.push('the run was stopped');
    else if (!phases.ranTests) phases.failed.push('no test was run');
    console.log(phases.summary());
    process.exitCode = phases.failed.length === 0 ? 0 : 1;
  });

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { STACK_VARIABLE } from './integration/stack';
import { withServers } from './servers';

/**
 * `npm test`: everything, cheapest first, on the local stack (one that runs, or one of its own that it stops).
 * `npm run test:integration [FILE ...]`: only the tests on real servers, in a real browser too.
 * Last in `npm test` comes a short run of chaos (docs/chaos.md), on the same stack.
 */

interface Check {
  name: string;
  command: [string, ...string[]];
}

const WITHOUT_SERVERS: Check[] = [
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'types', command: ['npm', 'run', '--silent', 'types'] },
  { name: 'unit tests', command: ['npm', 'run', '--silent', 'test:unit'] },
  { name: 'replay', command: ['npm', 'run', '--silent', 'test:replay'] },
];

const SHORT_CHAOS: Check['command'] = [process.execPath, '--import', 'tsx', 'test/chaos/main.ts', '--short'];

const stopped = stopAsked();

async function main([only, ...files]: string[]): Promise<string[]> {
  const failed: string[] = [];
  if (only !== 'integration') {
    for (const check of WITHOUT_SERVERS) if (!(await passes(check))) failed.push(check.name);
  }
  failed.push(...(await failedOnServers(files, only !== 'integration')));
  return failed;
}

function failedOnServers(files: string[], withChaos: boolean): Promise<string[]> {
  const jest = [
    'node_modules/.bin/jest',
    '--selectProjects',
    'integration',
    'browser',
    '--runInBand',
    ...files,
  ];
  const onServers: Check[] = [
    { name: 'integration tests', command: [process.execPath, ...jest] },
    ...(withChaos ? [{ name: 'chaos, in short', command: SHORT_CHAOS }] : []),
  ];
  return withServers(async (servers) => {
    const environment = {
      [STACK_VARIABLE]: JSON.stringify(servers),
      // Chaos would else look for a stack of its own.
      LOCAL_STACK_NUMBER: process.env.LOCAL_STACK_NUMBER || '0',
    };
    const failed: string[] = [];
    for (const check of onServers) if (!(await passes(check, environment))) failed.push(check.name);
    return failed;
  }, stopped);
}

async function passes({ name, command }: Check, environment: Record<string, string> = {}): Promise<boolean> {
  if (stopped.aborted) return false;
  console.log(`\n=== ${name}`);
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  const stop = () => child.kill();
  stopped.addEventListener('abort', stop);
  const [code] = (await once(child, 'exit')) as [number | null];
  stopped.removeEventListener('abort', stop);
  return code === 0;
}

/** Aborted when we are asked to stop: what runs is stopped, and nothing comes after it. Asked again, we just end. */
function stopAsked(): AbortSignal {
  const asked = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => asked.abort());
  return asked.signal;
}

main(process.argv.slice(2)).then(
  (failed) => {
    console.log(failed.length === 0 ? '\nAll passed.' : `\nFailed: ${failed.join(', ')}.`);
    process.exitCode = failed.length === 0 ? 0 : 1;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);

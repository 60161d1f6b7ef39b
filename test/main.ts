import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { STACK_VARIABLE } from './integration/stack';
import { withServers } from './servers';

/**
 * `npm test`: everything, cheapest first, on the local stack (one that runs, or one of its own that it stops).
 * `npm run test:integration [FILE ...]`: only the tests on real servers, in a real browser too.
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

async function main([only, ...files]: string[]): Promise<string[]> {
  const failed: string[] = [];
  if (only !== 'integration') {
    for (const check of WITHOUT_SERVERS) if (!(await passes(check))) failed.push(check.name);
  }
  if (!(await integrationPasses(files))) failed.push('integration tests');
  return failed;
}

function integrationPasses(files: string[]): Promise<boolean> {
  const jest = [
    'node_modules/.bin/jest',
    '--selectProjects',
    'integration',
    'browser',
    '--runInBand',
    ...files,
  ];
  return withServers((servers) =>
    passes(
      { name: 'integration tests', command: [process.execPath, ...jest] },
      { [STACK_VARIABLE]: JSON.stringify(servers) },
    ),
  );
}

async function passes({ name, command }: Check, environment: Record<string, string> = {}): Promise<boolean> {
  console.log(`\n=== ${name}`);
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
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

import { STACK_VARIABLE } from '../test/integration/stack';
import { withServers } from '../test/servers';
import { benchDeploy } from './deploy';
import { benchRun } from './run';
import { benchTracing } from './tracing';

/**
 * `npm run bench -- NAME`: prints figures of one benchmark, each beside its baseline, measured in the same run on the
 * same servers. Machines are noisy: compare the ratios.
 */

const BENCHMARKS: Record<string, () => Promise<void>> = {
  run: benchRun,
  deploy: benchDeploy,
  tracing: benchTracing,
};

async function main([name]: string[]): Promise<number> {
  const benchmark = name === undefined ? undefined : BENCHMARKS[name];
  if (!benchmark) {
    console.error(`Usage: npm run bench -- NAME, with NAME one of: ${Object.keys(BENCHMARKS).join(', ')}`);
    return 2;
  }
  await withServers(async (servers) => {
    // What starts platforms and calls kubectl reads it there, as in a test.
    process.env[STACK_VARIABLE] = JSON.stringify(servers);
    await benchmark();
  });
  return 0;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { STACK_VARIABLE } from '../test/integration/stack';
import { withServers } from '../test/servers';
import { benchCapacity } from './capacity/load';
import { benchDeploy } from './deploy';
import { benchEndToEnd } from './endToEnd';
import type { Suite } from './findings';
import { benchFairness } from './fairness';
import { benchGateway } from './gateway';
import { benchGrowth } from './growth';
import { benchIdle } from './idle';
import { takePrinted } from './measure';
import { machine, write } from './report';
import { benchRun } from './run';
import { serverVersions } from './versions';
import { benchProfile } from './profile';
import { benchTracing } from './tracing';

/**
 * `npm run bench -- [NAME] [--write]` prints the figures of one suite, or of all. Each has a baseline that is
 * measured in the same run on the same servers. Machines are noisy: compare the ratios. With --write the
 * figures are written to docs/performance.md.
 */

/** All suites: `all` runs only what is listed here. */
const SUITES: Record<string, Suite> = {
  run: benchRun,
  deploy: benchDeploy,
  e2e: benchEndToEnd,
  growth: benchGrowth,
  idle: benchIdle,
  capacity: benchCapacity,
  gateway: benchGateway,
  fairness: benchFairness,
  tracing: benchTracing,
  profile: benchProfile,
};

async function main(args: string[]): Promise<number> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { write: { type: 'boolean', default: false } },
  });
  const [name = 'all'] = positionals;
  const names = name === 'all' ? Object.keys(SUITES) : [name];
  if (names.some((one) => !SUITES[one])) {
    console.error(
      `Usage: npm run bench -- [NAME] [--write], NAME one of: all, ${Object.keys(SUITES).join(', ')}`,
    );
    return 2;
  }
  await withServers(async (servers) => {
    // Platforms and kubectl read the servers from this variable, as in tests.
    process.env[STACK_VARIABLE] = JSON.stringify(servers);
    for (const one of names) await runSuite(one, values.write);
  });
  return 0;
}

async function runSuite(name: string, keep: boolean): Promise<void> {
  console.log(`\n${name}`);
  const setting = {
    day: new Date().toISOString().slice(0, 10),
    machine: machine(),
    versions: await serverVersions(),
    loadAverage: loadavg()[0]!,
  };
  const findings = (await SUITES[name]!()) ?? {};
  for (const note of findings.notes ?? []) console.log(note);
  const result = { setting, tables: takePrinted(), ...findings };
  if (keep) await write(name, result);
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);

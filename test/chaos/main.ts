import { randomInt } from 'node:crypto';
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { UsageError } from '../../infrastructure/commandLine';
import { readSettings } from '../../local-stack/settings';
import { findRunningStack } from '../../local-stack/stack';
import { STACK_VARIABLE } from '../integration/stack';
import { withServers } from '../servers';
import { optionsIn } from './options';
import { reportOf } from './report';
import { run, type Outcome } from './run';

/**
 * `npm run test:chaos`: creates load and faults on real servers, and checks that all promises hold. It uses
 * the local stack with LOCAL_STACK_NUMBER, by default 9: a separate one, because faults affect all users.
 */

const OWN_STACK = '9';

async function main(args: string[]): Promise<number> {
  const options = optionsIn(args, () => randomInt(2 ** 32 - 1));
  process.env.LOCAL_STACK_NUMBER ??= OWN_STACK;
  if (process.env[STACK_VARIABLE] && !findRunningStack(readSettings())) {
    console.log('SKIPPED: the servers were named by the environment, and faults are for a local stack.');
    return 0;
  }
  const directory = await mkdtemp(join(tmpdir(), 'chaos-'));
  console.log(`Seed ${options.seed}; logs are in ${directory}.`);
  const outcome = await withServers((servers) =>
    run(servers, options, directory, (line) => console.log(line), stopRequested()),
  );
  const report = reportOf(outcome);
  const text = `${JSON.stringify(report, null, 2)}\n`;
  console.log(text);
  if (options.report !== null) {
    await mkdir(dirname(options.report), { recursive: true });
    await writeFile(options.report, text);
  }
  explain(outcome);
  console.log(
    report.green
      ? `Green: ${report.faults} faults survived, ${report.faults_per_hour} an hour (seed ${report.seed}).`
      : `${report.violations.length} violations (seed ${report.seed}); logs are in ${directory}.`,
  );
  return report.green ? 0 : 1;
}

/** Aborted by Ctrl-C. Then everything harmed is healed, and everything started is stopped. */
function stopRequested(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => controller.abort(new UsageError(`Stopped by ${signal}: there is no result.`)));
  return controller.signal;
}

/** Prints each violation with the related part of the timeline. */
function explain({ violations, timeline }: Outcome): void {
  for (const { rule, text, submissionId } of violations) {
    console.log(`\nVIOLATION (${rule}) ${submissionId ?? ''} ${text}`);
    if (submissionId !== undefined) for (const line of timeline.around(submissionId)) console.log(line);
  }
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(error instanceof UsageError ? error.message : error);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);

import { parseArgs } from 'node:util';
import { DefaultLogger } from '@temporalio/worker';
import type { Client } from '@temporalio/client';
import { UsageError } from '../../infrastructure/commandLine';
import { readConfig } from '../../infrastructure/config/config';
import { serverEnvironment } from '../serverEnvironment';
import { connectClient } from '../../infrastructure/temporal/connection';
import { obtainBundle } from '../../worker/bundle';
import { installReplayRuntime, Replayer } from '../replay/replayer';
import { ownBuildId } from '../../worker/version';
import { makeCurrent, versionsOf } from './deployment';
import { replayGate, type Gate } from './gate';

/** `npm run versions -- ...`: lists the versions of workers, and selects the one that gets new runs. */

const USAGE = `Usage: npm run versions                          the versions of WORKER_DEPLOYMENT, and what each has to do
       npm run versions -- build-id              the build id of this workflow code: WORKFLOW_BUNDLE, or this checkout
       npm run versions -- promote [BUILD_ID] [--closed N] [--moving]
         gives new runs to a version (that of build-id), if the replay gate passes: every open run, and of each
         type the newest N (20) closed ones; with --moving only the runs that move to it at once
Ends with 0, with 1 when the gate refuses or the server does, with 2 when the command is not understood.`;

const logger = new DefaultLogger('ERROR');

async function main(args: string[]): Promise<object> {
  const { command, buildId, closed, which } = parsed(args);
  installReplayRuntime(logger);
  if (command === 'build-id') return { build_id: await ownBuildId(readConfig(['WORKFLOW_BUNDLE']), logger) };
  const config = readConfig(
    ['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_TASK_QUEUE', 'WORKER_DEPLOYMENT'],
    serverEnvironment(),
  );
  const { WORKER_DEPLOYMENT: deployment, TEMPORAL_TASK_QUEUE: taskQueue } = config;
  if (deployment === undefined)
    throw new UsageError(`WORKER_DEPLOYMENT names no deployment. See .env.example.\n${USAGE}`);
  const client = connectClient(config);
  try {
    if (command === 'list') return { deployment, versions: await versionsOf(client, deployment) };
    const code = readConfig(['WORKFLOW_BUNDLE']);
    const promoted = buildId ?? (await ownBuildId(code, logger));
    const gate = await promote(client, deployment, promoted, async () => {
      const replayer = new Replayer(await obtainBundle(code.WORKFLOW_BUNDLE, {}, logger));
      return replayGate(client, replayer, taskQueue, { closed, which });
    });
    return { deployment, build_id: promoted, ...gate };
  } finally {
    await client.connection.close();
  }
}

async function promote(
  client: Client,
  deployment: string,
  buildId: string,
  gate: () => Promise<Gate>,
): Promise<Gate & { promoted: boolean }> {
  const outcome = await gate();
  const promoted = outcome.refused.length === 0;
  if (promoted) await makeCurrent(client, deployment, buildId);
  else process.exitCode = 1;
  return { promoted, ...outcome };
}

/** @throws UsageError */
function parsed(args: string[]) {
  const { positionals, values } = options(args);
  const [command = 'list', buildId, ...rest] = positionals;
  if (!isCommand(command) || rest.length > 0 || (buildId !== undefined && command !== 'promote'))
    throw new UsageError(USAGE);
  if (!/^\d{1,6}$/.test(values.closed))
    throw new UsageError(`--closed must be a whole number up to 999999, and is ${values.closed}.`);
  return {
    command,
    buildId,
    closed: Number(values.closed),
    which: values.moving ? 'moving' : 'all',
  } as const;
}

function options(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { closed: { type: 'string', default: '20' }, moving: { type: 'boolean', default: false } },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

function isCommand(text: string): text is 'list' | 'build-id' | 'promote' {
  return ['list', 'build-id', 'promote'].includes(text);
}

main(process.argv.slice(2)).then(
  (report) => {
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`, () => process.exit());
  }, // Otherwise, Temporal's runtime would keep the process alive.
  (error: unknown) => {
    const { message, details } = error as Error & { details?: string };
    process.stderr.write(`${details ?? message}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);

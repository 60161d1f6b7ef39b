import { parseArgs } from 'node:util';
import { DefaultLogger } from '@temporalio/worker';
import { UsageError } from '../../infrastructure/commandLine';
import { readConfig } from '../../infrastructure/config/config';
import { serverEnvironment } from '../serverEnvironment';
import { connectClient, converterOf, TEMPORAL_VARIABLES } from '../../infrastructure/temporal/connection';
import { obtainBundle } from '../../worker/bundle';
import { installReplayRuntime, Replayer, type Replay } from './replayer';
import { forGate, fromFile, fromQuery, fromWorkflow, type Source } from './sources';

/**
 * `npm run replay -- ...`: checks whether this checkout's workflow code can continue runs that other code
 * started.
 */

const USAGE = `Usage: npm run replay -- HISTORY.json ...        exported by the Temporal CLI, the Web UI or tctl
       npm run replay -- --workflow-id ID [--run-id ID]
       npm run replay -- --query FILTER [--most N]  what a list filter finds, the newest N (100)
       npm run replay -- --gate [--closed N]        every open run, and of each type the newest N (20) closed ones
Ends with 0 when all are ok, 1 when one diverges or cannot be replayed, 2 when the command is not understood.`;

async function main(args: string[]): Promise<number> {
  const sources = chosen(args);
  const logger = new DefaultLogger('ERROR');
  installReplayRuntime(logger);
  const { PAYLOAD_KEYS, WORKFLOW_BUNDLE } = readConfig(['PAYLOAD_KEYS', 'WORKFLOW_BUNDLE']);
  const bundle = await obtainBundle(WORKFLOW_BUNDLE, {}, logger);
  const replayer = new Replayer(bundle, converterOf(PAYLOAD_KEYS));
  const counts: Record<Replay['outcome'], number> = { ok: 0, diverges: 0, failed: 0 };
  for await (const source of sources) {
    const replay = await replayed(replayer, source);
    counts[replay.outcome]++;
    process.stdout.write(`${describe(source, replay)}\n`);
  }
  process.stdout.write(`${counts.ok} ok, ${counts.diverges} diverge, ${counts.failed} not replayed\n`);
  return counts.diverges + counts.failed > 0 ? 1 : 0;
}

/** @throws UsageError unless the command names exactly one kind of source */
function chosen(args: string[]): AsyncIterable<Source> | Iterable<Source> {
  const { positionals, values } = parsed(args);
  const kinds = [positionals.length > 0, values['workflow-id'], values.query, values.gate].filter(Boolean);
  if (kinds.length !== 1) throw new UsageError(USAGE);
  if (positionals.length > 0) return positionals.map(fromFile);
  return fromServer(values);
}

function parsed(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        'workflow-id': { type: 'string' },
        'run-id': { type: 'string' },
        query: { type: 'string' },
        most: { type: 'string', default: '100' },
        gate: { type: 'boolean' },
        closed: { type: 'string', default: '20' },
      },
    });
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

async function* fromServer(values: ReturnType<typeof parsed>['values']): AsyncGenerator<Source> {
  const [most, closed] = [count('--most', values.most), count('--closed', values.closed)];
  const config = readConfig([...TEMPORAL_VARIABLES, 'TEMPORAL_TASK_QUEUE'], serverEnvironment());
  const client = connectClient(config);
  try {
    if (values['workflow-id']) yield fromWorkflow(client, values['workflow-id'], values['run-id']);
    else if (values.query) yield* fromQuery(client, values.query, most);
    else yield* forGate(client, config.TEMPORAL_TASK_QUEUE, closed);
  } finally {
    await client.connection.close();
  }
}

function count(option: string, text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text))
    throw new UsageError(`${option} must be a whole number from 1 to 999999, and is ${text}.`);
  return Number(text);
}

async function replayed(replayer: Replayer, { workflowId, history }: Source): Promise<Replay> {
  try {
    return await replayer.replay(await history(), workflowId);
  } catch (error) {
    return { outcome: 'failed', message: `It cannot be read: ${(error as Error).message}` };
  }
}

function describe({ name }: Source, replay: Replay): string {
  if (replay.outcome === 'ok') return `ok        ${name}`;
  const word = replay.outcome === 'diverges' ? 'DIVERGES ' : 'FAILED   ';
  return `${word} ${name}\n          ${replay.message.trim().replaceAll('\n', '\n          ')}`;
}

/** The messages of an error and its cause. In errors of Temporal's client, the cause contains the reason. */
function explained(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code), // Otherwise, Temporal's runtime would keep the process alive.
  (error: unknown) => {
    process.stderr.write(`${explained(error)}\n`);
    process.exit(error instanceof UsageError ? 2 : 1);
  },
);

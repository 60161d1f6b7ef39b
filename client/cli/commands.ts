import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { OrchestrationClient, type Filter, type Submission } from '..';
import { parseArguments, COMMAND_OPTIONS, USAGE } from './arguments';
import type { Context } from './context';
import { recordLine, showFrame, verdictLine, type Terminal } from './display';
import { EXIT, exitCodeOfStatus, UsageError } from './exitCodes';
import { excludedLine, readProgram, readText } from './files';
import { logs } from './logs';
import { forwardInput } from './input';
import { parseFields, parseNumber, parseTime } from './optionValues';
import { waitForGateway } from './waitForGateway';
import { readSettings } from './settings';

/** Runs a command. @returns the exit code @throws UsageError, ApiError, Unreachable */
export async function runCommand(args: string[], terminal: Terminal): Promise<number> {
  const { positionals, values } = parseArguments(args);
  const [command = '', argument, secondArgument, ...rest] = positionals;
  if (values.help || command === 'help') {
    terminal.out(`${USAGE}\n`);
    return EXIT.done;
  }
  if (values.version) {
    terminal.out(`${version()}\n`);
    return EXIT.done;
  }
  const allowed = COMMAND_OPTIONS[command];
  if (!allowed || rest.length > 0 || (secondArgument !== undefined && command !== 'rollback'))
    throw new UsageError(USAGE);
  const unsupported = Object.keys(values).find(
    (name) => name !== 'json' && !(allowed as string[]).includes(name),
  );
  if (unsupported !== undefined) throw new UsageError(`${command} takes no --${unsupported}.\n${USAGE}`);
  const settings = readSettings();
  const print = (value: object) => terminal.out(`${JSON.stringify(value)}\n`);
  const connect = async () => {
    await waitForGateway(settings.url);
    return new OrchestrationClient(settings);
  };
  const context = { connect, settings, terminal, values, print };
  const required = (description: string) => {
    if (argument === undefined) throw new UsageError(`${command} needs ${description}.\n${USAGE}`);
    return argument;
  };
  switch (command) {
    case 'submit':
      return submit(context, required('a file or a folder'));
    case 'logs':
      return logs(context, required('a user or the id of a submission'));
    case 'status':
      return status(context, required('the id of a submission'));
    case 'list':
      if (argument !== undefined) throw new UsageError(USAGE);
      return list(context);
    case 'cancel':
      return cancel(context, required('the id of a submission'));
    case 'live':
      return live(context, required('a user'));
    case 'rollback': {
      const user = required('a user');
      if (secondArgument === undefined)
        throw new UsageError(`rollback needs the id of a submission.\n${USAGE}`);
      return rollback(context, user, secondArgument);
    }
    default:
      return open(context, argument);
  }
}

async function submit(context: Context, path: string): Promise<number> {
  const { connect, settings, terminal, values, print } = context;
  const fields = parseFields(values);
  const user_id = values.user ?? fields.user_id ?? settings.user;
  if (user_id === undefined) throw new UsageError('For whom? Give --user, or set ORCHESTRATION_USER.');
  const { files, excluded } = readProgram(path);
  if (excluded.length > 0) terminal.err(`${excludedLine(excluded)}\n`);
  const submission: Submission = {
    user_id,
    files,
    ...(values.language !== undefined && { language: values.language }),
    ...(values.entrypoint !== undefined && { entrypoint: values.entrypoint }),
    ...(values.stdin !== undefined && { stdin: readText(values.stdin) }),
    ...(values.tests !== undefined && { tests: readTests(values.tests) }),
    ...(values.id !== undefined && { submission_id: values.id }),
    ...(values.interactive && { interactive: true }),
    ...(values['test-only'] && { deploy: false }),
    ...(values.worker && { production: { kind: 'worker' } }),
    ...fields,
  };
  const client = await connect();
  const accepted = await client.submit(submission);
  if (!values.follow && !values.interactive) {
    if (values.json) print(accepted);
    else terminal.out(`${accepted.submission_id}\n`);
    return exitCodeOfStatus(accepted.status);
  }
  const onBreak = () => terminal.err('connection lost: resuming after the last frame\n');
  const input = values.interactive ? forwardInput(client, accepted.submission_id, terminal) : null;
  for await (const frame of client.follow(accepted.submission_id, { onBreak })) {
    if (values.json) print(frame);
    else showFrame(frame, terminal);
    if (!('status' in frame)) continue;
    if (!values.json && frame.serving && frame.url)
      terminal.err(`${new URL(frame.url, settings.url).href}\n`);
    await input?.stop();
    return exitCodeOfStatus(frame.status);
  }
  return EXIT.platformFailed;
}

function version(): string {
  const path = join(__dirname, '..', '..', 'package.json');
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}

/** Reads a JSON file with tests. The gateway validates its content. */
function readTests(path: string): NonNullable<Submission['tests']> {
  const text = readText(path);
  try {
    return JSON.parse(text) as NonNullable<Submission['tests']>;
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function status({ connect, terminal, values, print }: Context, id: string): Promise<number> {
  const waitSeconds = parseNumber('wait', values.wait ?? '0');
  const client = await connect();
  const details = await client.status(id, { waitSeconds });
  if (values.json) print(details);
  else terminal.out(`${verdictLine(details, terminal)}\n`);
  return exitCodeOfStatus(details.status);
}

async function list({ connect, settings, terminal, values, print }: Context): Promise<number> {
  const { json, limit, 'all-users': allUsers, since, until, user = settings.user, ...rest } = values;
  if (allUsers && values.user !== undefined) throw new UsageError('Give either --user or --all-users.');
  const filter = {
    ...rest,
    ...(!allUsers && user !== undefined && { user }),
    ...(since !== undefined && { since: parseTime('since', since) }),
    ...(until !== undefined && { until: parseTime('until', until) }),
    ...(limit !== undefined && { limit: parseNumber('limit', limit) }),
  };
  const client = await connect();
  const page = await client.list(filter as Filter);
  if (json) print(page);
  else for (const record of page.submissions) terminal.out(`${recordLine(record, terminal)}\n`);
  if (!json && page.next_page !== null) terminal.err(`there is more: --page ${page.next_page}\n`);
  return EXIT.done;
}

async function cancel({ connect, terminal, values, print }: Context, id: string): Promise<number> {
  const client = await connect();
  const answer = await client.cancel(id);
  if (values.json) print(answer);
  else terminal.out(`${answer.state}\n`);
  return EXIT.done;
}

async function live({ connect, terminal, values }: Context, user: string): Promise<number> {
  const client = await connect();
  terminal.out(`${JSON.stringify(await client.live(user), null, values.json ? 0 : 2)}\n`);
  return EXIT.done;
}

async function rollback(
  { connect, terminal, values, print }: Context,
  user: string,
  id: string,
): Promise<number> {
  const client = await connect();
  const state = await client.rollback(user, id);
  if (values.json) print(state);
  else terminal.out(`${state.status}: ${state.message}\n`);
  if (state.status === 'failed') return EXIT.deployFailed;
  return state.status === 'superseded' ? EXIT.superseded : EXIT.done;
}

/** Prints the address of the page. On a terminal, also opens it in a browser. */
function open({ settings, terminal }: Context, id: string | undefined): number {
  const url = new URL(id === undefined ? '/' : `/?submission=${encodeURIComponent(id)}`, settings.url).href;
  terminal.out(`${url}\n`);
  if (terminal.colours) {
    const program = process.platform === 'darwin' ? 'open' : 'xdg-open';
    const browser = spawn(program, [url], { detached: true, stdio: 'ignore' });
    browser.on('error', () => undefined); // Without a browser, the user can copy the address.
    browser.unref();
  }
  return EXIT.done;
}

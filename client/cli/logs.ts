import { ApiError, type LogEvent, type LogQuery, type OrchestrationClient, type SubmissionRecord } from '..';
import type { Context } from './context';
import { colourize, replaceControlCharacters, type Terminal } from './display';
import { EXIT, UsageError } from './exitCodes';
import { parseNumber } from './optionValues';

/** `logs USER|ID`: shows the logs of a user's pods, or the test output of a submission. @throws UsageError */
export async function logs(context: Context, name: string): Promise<number> {
  const { stream, part, follow, since, tail } = context.values;
  const isForPods = (part ?? follow ?? since ?? tail) !== undefined;
  if (stream !== undefined && stream !== 'stdout' && stream !== 'stderr')
    throw new UsageError('--stream must be stdout or stderr.');
  if (stream !== undefined && isForPods) throw new UsageError(STREAM_IS_FOR_TESTS);
  if (tail !== undefined) parseNumber('tail', tail);

  const client = await context.connect();
  const record = await findSubmission(client, name);
  if (record !== null && !isForPods) return printOutput(client, context, name, stream);
  if (stream !== undefined) throw new UsageError(STREAM_IS_FOR_TESTS);
  // For a submission: what its user's pods printed since it was accepted.
  return printPodLogs(client, context, record?.user_id ?? name, record?.accepted_at);
}

const STREAM_IS_FOR_TESTS =
  '--stream goes with what a submission printed in its tests: without --part and the like.';

/** Finds a submission by its id. Null if there is none: the name is then that of a user. */
async function findSubmission(client: OrchestrationClient, name: string): Promise<SubmissionRecord | null> {
  try {
    return await client.status(name);
  } catch (error) {
    if (error instanceof ApiError && (error.code === 'not_found' || error.code === 'invalid_message'))
      return null;
    throw error;
  }
}

async function printOutput(
  client: OrchestrationClient,
  { terminal }: Context,
  id: string,
  stream: 'stdout' | 'stderr' | undefined,
): Promise<number> {
  for await (const bytes of client.output(id, stream ? { stream } : {})) terminal.out(bytes);
  return EXIT.done;
}

async function printPodLogs(
  client: OrchestrationClient,
  { terminal, values, print }: Context,
  user: string,
  acceptedAt: string | undefined,
): Promise<number> {
  const { part, tail, follow, since = acceptedAt } = values;
  const query = {
    ...(part !== undefined && { part }),
    ...(tail !== undefined && { tail }),
    ...(since !== undefined && { since }),
    ...(follow && { follow: 'true' }),
  } as Partial<LogQuery>;
  const onBreak = () => terminal.err('connection lost: resuming after the last line\n');
  for await (const event of client.logs(user, query, { onBreak }))
    if (values.json) print(event);
    else printEvent(event, terminal);
  return EXIT.done;
}

function printEvent(event: LogEvent, terminal: Terminal): void {
  if (event.type === 'note') return terminal.err(`${event.message}\n`);
  const text = terminal.colours ? replaceControlCharacters(Buffer.from(event.text)).toString() : event.text;
  terminal.out(`${colourize(event.pod, 'dim', terminal)} ${text}\n`);
}

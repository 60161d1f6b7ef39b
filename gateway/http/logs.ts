/** `GET /api/users/{user_id}/logs`: the logs of a user's pods, as text or as Server-Sent Events. */
import { z } from 'zod';
import { exactTime, type PodLine } from '../../infrastructure/kubernetes/logs/line';
import { LOG_PARTS } from '../../infrastructure/kubernetes/logs/parts';
import { linkedAbort } from '../../infrastructure/linkedAbort';
import { errorFrame } from '../protocol/errorFrame';
import type { Access } from '../auth/access';
import type { Quotas } from '../auth/rateLimits';
import { requireUser } from '../submissions/authorizedSubmissions';
import type { Limits } from '../limits';
import { logCursorText, parseLogCursor, type LogCursor } from './logCursor';
import { MAX_TAIL, viewLogs, type LogPiece, type LogSources } from './logView';
import { userId } from '../protocol/identifiers';
import { PlatformUnavailable } from '../submissions/submissionService';
import type { Api, ApiReply, ApiRequest } from './apiTypes';
import { callerOf } from './caller';
import { HttpError } from './error';
import { text } from './answers';
import { sendStream, writePiece } from './stream';

export interface LogRouteParts {
  logs: LogSources;
  access: Access;
  quotas: Quotas;
  limits: Limits;
}

const DEFAULT_TAIL = 200;
const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** How often to check that the key of a client that follows logs is still valid, in milliseconds. */
const KEY_CHECK_MS = 1_000;

/** How long a client waits before it reconnects after the stream ended, in milliseconds. */
const RETRY_MS = 1_000;

const moment = z
  .string()
  .refine((text) => momentOf(text) !== null, {
    error:
      'must be a time of ISO 8601, such as 2026-01-31T12:00:00Z, or how long ago, such as 90s, 10m, 2h or 1d',
  })
  .optional()
  .describe('Only lines from this time on: ISO 8601, or how long ago, such as 10m.');

export const logsQuery = z.strictObject({
  part: z
    .enum(LOG_PARTS, { error: `must be one of ${LOG_PARTS.join(', ')}` })
    .default('prod')
    .describe('`test`: the test pod; `prod`: the program in production; `db`: its database.'),
  follow: z.enum(['true', 'false']).default('false').describe('Continues with what is printed from now on.'),
  since: moment,
  tail: z.coerce
    .number<string>()
    .int()
    .min(0)
    .max(MAX_TAIL)
    .default(DEFAULT_TAIL)
    .describe('At most this many earlier lines, the latest ones.'),
});

export type LogQuery = z.input<typeof logsQuery>;

/** The data of an event. */
export type LogEvent =
  | ({ type: 'line' } & PodLine)
  /** A note about the lines, such as that a store does not answer. */
  | { type: 'note'; message: string };

const cursorText = z
  .string()
  .max(8_192)
  .refine((text) => text === '' || parseLogCursor(text) !== null, {
    error: 'must be the id of an event of this stream',
  })
  .optional();

/** `GET /api/users/{user_id}/logs`: the logs of a user's pods, including deleted pods. */
export function logsRoute(api: Api, parts: LogRouteParts): void {
  api.get(
    '/api/users/:user_id/logs',
    {
      schema: {
        operationId: 'logs',
        summary: "Streams what a user's pods print, and printed",
        description:
          'Lines of text, each with the name of its pod; as Server-Sent Events (`Accept: text/event-stream`) each with ' +
          'its time, and an id to go on after. A pod that is replaced is followed by the one in its place.',
        params: z.object({ user_id: userId() }),
        querystring: logsQuery,
        headers: z.object({
          'Last-Event-ID': cursorText.describe('Id of the last event that the client received.'),
        }),
        response: { 200: text('Lines of text.', 'text/plain') },
      },
      config: { errors: ['invalid_message', 'too_many_in_flight'] },
    },
    async (request, reply) => {
      const { user_id } = request.params;
      requireUser(callerOf(request), user_id);
      const after = request.headers['last-event-id'] || undefined;
      await sendLogs(request, reply, { userId: user_id, after, ...request.query }, parts);
    },
  );
}

type Selection = z.output<typeof logsQuery> & {
  userId: string;
  /** The id of the last event that the client received. */
  after: string | undefined;
};

async function sendLogs(
  request: ApiRequest,
  reply: ApiReply,
  { userId, part, follow, since, tail, after }: Selection,
  { logs, access, quotas, limits }: LogRouteParts,
): Promise<void> {
  const { log: logger } = request;
  const principal = callerOf(request);
  const asEvents = (request.raw.headers.accept ?? '').includes('text/event-stream');
  const unfollow = quotas.of(principal).follow();
  if (unfollow === null) {
    const limit = quotas.of(principal).limits.followed;
    throw new HttpError(errorFrame('too_many_in_flight', `this key follows ${limit} streams`, { limit }));
  }
  const over = linkedAbort([request.abortSignal], limits.followLogsMs);
  const { signal } = over;
  const validity = setInterval(() => {
    if (!access.stillValid(principal)) over.abort();
  }, KEY_CHECK_MS);
  try {
    const cursor = after === undefined ? null : parseLogCursor(after);
    const selection = {
      ...{ userId, part, follow: follow === 'true', after: cursor },
      since: since === undefined ? null : momentOf(since),
      tail: cursor === null ? tail : MAX_TAIL,
    };
    const pieces = viewLogs(logs, selection, { signal, timeoutMs: limits.callTimeoutMs, logger });
    const first = await pieces.next().catch((error: unknown) => {
      throw new PlatformUnavailable('neither the cluster nor the store of logs answered', { cause: error });
    });
    const type = asEvents ? 'text/event-stream' : 'text/plain; charset=utf-8';
    await sendStream(request, reply, type, async (response) => {
      const write = (text: string) =>
        writePiece(response, text, { signal, timeoutMs: limits.pingIntervalMs });
      if (asEvents) await write(`retry: ${RETRY_MS}\n\n`);
      response.flushHeaders();
      await sendPieces(
        first,
        pieces,
        asEvents ? eventsOf : textOf,
        write,
        signal,
        () => {
          if (asEvents && !response.writableNeedDrain) response.write(': ping\n\n');
        },
        limits.pingIntervalMs,
      );
      response.end();
    });
  } finally {
    unfollow();
    clearInterval(validity);
    over.abort();
  }
}

async function sendPieces(
  first: IteratorResult<LogPiece, unknown>,
  pieces: AsyncGenerator<LogPiece>,
  format: (piece: LogPiece) => string[],
  write: (text: string) => Promise<void>,
  signal: AbortSignal,
  ping: () => void,
  pingMs: number,
): Promise<void> {
  const pings = setInterval(ping, pingMs);
  try {
    for (let next = first; !next.done && !signal.aborted; next = await pieces.next())
      for (const text of format(next.value)) await write(text);
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    clearInterval(pings);
    await pieces.return(undefined);
  }
}

/** Lines per write. A stalled client holds no more than that in memory. */
const LINES_A_WRITE = 100;

function eventsOf(piece: LogPiece): string[] {
  if (piece.type === 'note') return [`data: ${JSON.stringify(piece)}\n\n`];
  return chunks(
    piece.lines.map(({ line, cursor }) => {
      return `id: ${logCursorText(cursor)}\ndata: ${JSON.stringify({ type: 'line', ...line })}\n\n`;
    }),
  );
}

function textOf(piece: LogPiece): string[] {
  if (piece.type === 'note') return [`# ${piece.message}\n`];
  return chunks(
    piece.lines.map(({ line: { pod, text } }: { line: PodLine; cursor: LogCursor }) => `${pod} ${text}\n`),
  );
}

function chunks(texts: string[]): string[] {
  return Array.from({ length: Math.ceil(texts.length / LINES_A_WRITE) }, (_, index) =>
    texts.slice(index * LINES_A_WRITE, (index + 1) * LINES_A_WRITE).join(''),
  );
}

/** Parses a time, or how long ago it was; null if the text is neither. */
function momentOf(text: string): string | null {
  const [, count, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  const ms = UNITS[unit];
  if (count === undefined || ms === undefined) return exactTime(text);
  return exactTime(new Date(Date.now() - Number(count) * ms).toISOString());
}

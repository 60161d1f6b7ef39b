import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { timingSafeEqual } from 'node:crypto';
import type { PayloadCodec } from '@temporalio/common';
import { z } from 'zod';

/** Temporal's codec server protocol: https://docs.temporal.io/codec-server. */
const base64 = z
  .base64()
  .default('')
  .transform((text) => Buffer.from(text, 'base64'));
const message = z.object({
  payloads: z.array(z.object({ metadata: z.record(z.string(), base64).default({}), data: base64 })),
});

/** The Web UI requests a page of a history at once. Each payload in it has at most 2 MB. */
const MOST_BYTES = 32 * 1024 * 1024;

export interface CodecSettings {
  codec: PayloadCodec;
  /**
   * The Web UI's origin, such as `https://temporal.example.com`, the only one that may call. Null for none.
   */
  origin: string | null;
  /**
   * The token that callers must send as `Authorization: Bearer …`. Null if a proxy authenticates them
   * instead.
   */
  token: string | null;
}

/**
 * Decodes and encodes payloads for the Web UI and the CLI. Anyone who can call it can read the encrypted
 * data.
 */
export function codecServer({ codec, origin, token }: CodecSettings): Server {
  return createServer((request, response) => {
    if (origin !== null) allow(response, origin);
    answer(request, codec, token).then(
      ({ status, body }) => send(response, status, body),
      (error: unknown) => send(response, statusOf(error), { error: (error as Error).message }),
    );
  });
}

/** A request that violates the protocol, and the HTTP status of the response. */
class Refused extends Error {
  constructor(
    readonly status: number,
    text: string,
  ) {
    super(text);
  }
}

async function answer(request: IncomingMessage, codec: PayloadCodec, token: string | null) {
  const path = new URL(request.url ?? '/', 'http://codec').pathname;
  if (request.method === 'GET' && path === '/healthz') return { status: 200, body: { status: 'ok' } };
  if (request.method === 'OPTIONS') return { status: 204, body: null };
  const [, work] = /\/(decode|encode)$/.exec(path) ?? [];
  if (work === undefined) throw new Refused(404, 'There are /encode, /decode and /healthz.');
  if (request.method !== 'POST') throw new Refused(405, 'Payloads come by POST.');
  if (token !== null && !isBearer(request.headers.authorization, token))
    throw new Refused(401, 'The token is missing or wrong: Authorization: Bearer …');
  const { payloads } = parsed(await bodyOf(request));
  const done = await (work === 'decode' ? codec.decode(payloads) : codec.encode(payloads));
  return { status: 200, body: { payloads: done.map(written) } };
}

function parsed(text: string): z.infer<typeof message> {
  try {
    return message.parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof z.ZodError ? z.prettifyError(error) : (error as Error).message;
    throw new Refused(400, `This is no list of payloads: ${reason}`);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > MOST_BYTES) throw new Refused(413, `A request has at most ${MOST_BYTES} bytes.`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}

function written({ metadata, data }: Awaited<ReturnType<PayloadCodec['decode']>>[number]) {
  const text = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');
  const entries = Object.entries(metadata ?? {}).map(([name, bytes]) => [name, text(bytes)]);
  return { metadata: Object.fromEntries(entries) as Record<string, string>, data: text(data) };
}

function isBearer(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

/** Allows requests from the Web UI's pages, with cookies or a token (CORS). */
function allow(response: ServerResponse, origin: string): void {
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader('Access-Control-Allow-Credentials', 'true');
  response.setHeader('Access-Control-Allow-Methods', 'POST, OPTIONS');
  response.setHeader('Access-Control-Allow-Headers', 'Authorization, Content-Type, X-Namespace');
  response.setHeader('Vary', 'Origin');
}

function send(response: ServerResponse, status: number, body: object | null): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
  response.end(body === null ? undefined : JSON.stringify(body));
}

/** Data that cannot be decrypted are a client error: the key is missing, or the data were changed. */
function statusOf(error: unknown): number {
  return error instanceof Refused ? error.status : 400;
}

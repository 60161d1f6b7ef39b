import type { IncomingMessage } from 'node:http';
import { errorFrame } from '../protocol/errorFrame';
import { HttpError } from './error';

/**
 * Reads a request's body as text. Refuses every media type but JSON: a web page of another origin can send JSON only
 * after a preflight request, which the gateway never allows, so such a page cannot act with a user's cookie.
 * @throws HttpError
 */
export async function jsonText(request: IncomingMessage, maxBytes: number): Promise<string> {
  const [type] = (request.headers['content-type'] ?? '').split(';', 1);
  if (type?.trim().toLowerCase() !== 'application/json')
    throw new HttpError(errorFrame('unsupported_media_type', 'the body must be JSON'));
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** @throws HttpError */
export function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    throw new HttpError(errorFrame('invalid_json', `the body is not JSON: ${cause}`));
  }
}

/** The rest of the body is not read, so the connection is closed after the response. */
function tooLarge(limit: number): HttpError {
  const frame = errorFrame('code_too_large', `the body has more than ${limit} bytes`, { limit });
  return new HttpError(frame, { Connection: 'close' });
}

import { z } from 'zod';
import { faultyField, invalidMessage, messageFor } from '../protocol/validationErrors';
import { submissionId } from '../protocol/identifiers';
import { HttpError } from './error';
import type { Call } from './apiRoute';

/** Longest wait in one request, in seconds. Shorter than the time that proxies allow for a request. */
export const MAX_WAIT_SECONDS = 50;

/** Parses the query parameters. @throws HttpError that names the invalid one */
export function queryOf<Schema extends z.ZodType>({ url }: Call, schema: Schema): z.output<Schema> {
  const given = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (given.has(name)) throw new HttpError(faultyField('invalid_message', [name], 'was sent twice', {}));
    given.set(name, value);
  }
  return checked(schema, Object.fromEntries(given));
}

/** The submission id in the path. @throws HttpError */
export function submissionIn({ parameters }: Call): string {
  return checked(z.object({ submission_id: submissionId() }), parameters).submission_id;
}

/** Validates a value. @throws HttpError that names the invalid field */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value, { error: messageFor });
  if (result.success) return result.data;
  throw new HttpError(invalidMessage(result.error.issues, undefined));
}

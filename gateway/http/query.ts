import { z } from 'zod';
import { faultyField, invalidMessage, messageFor } from '../protocol/validationErrors';
import { submissionId } from '../protocol/identifiers';
import { HttpError } from './error';
import type { Call } from './apiRoute';

/** Longest wait in one request, in seconds: below what proxies allow a request. */
export const MAX_WAIT_SECONDS = 50;

/** The query's parameters. @throws HttpError that names the one at fault */
export function queryOf<Schema extends z.ZodType>({ url }: Call, schema: Schema): z.output<Schema> {
  const given = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (given.has(name)) throw new HttpError(faultyField('invalid_message', [name], 'was sent twice', {}));
    given.set(name, value);
  }
  return checked(schema, Object.fromEntries(given));
}

/** The id in the path. @throws HttpError */
export function submissionIn({ parameters }: Call): string {
  return checked(z.object({ submission_id: submissionId() }), parameters).submission_id;
}

/** @throws HttpError that names the field at fault */
export function checked<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value, { error: messageFor });
  if (result.success) return result.data;
  throw new HttpError(invalidMessage(result.error.issues, undefined));
}

import type { FastifySchemaCompiler } from 'fastify';
import type { z } from 'zod';
import { knownSubmissionId } from '../protocol/identifiers';
import { parseJson } from '../protocol/json';
import { faultyField, invalidMessage, messageFor } from '../protocol/validationErrors';
import type { Api } from './apiTypes';
import { HttpError, NOT_FOUND, UNSUPPORTED_MEDIA_TYPE } from './error';

/** Maximum size of a body in bytes; routes that take code or input have their own. */
export const DEFAULT_BODY_LIMIT_BYTES = 4_096;

/** Longest wait in one request, in seconds. Shorter than the time that proxies allow for a request. */
export const MAX_WAIT_SECONDS = 50;

/**
 * Accepts bodies of JSON, and refuses every other media type: a web page of another origin can send JSON only after a
 * preflight request, which the gateway never allows, so such a page cannot act with a user's cookie.
 */
export function acceptOnlyJson(api: Api): void {
  api.removeAllContentTypeParsers();
  api.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    // Calls that need no body may still name its type.
    if (body.length === 0) return done(null, undefined);
    const { json, error } = parseJson(body.toString('utf8'));
    return error ? done(new HttpError(error)) : done(null, json);
  });
  api.addContentTypeParser('*', ({ headers }, _body, done) => {
    // Some programs send the type of a form with a call that has no body.
    if (headers['content-length'] === '0') return done(null, undefined);
    done(new HttpError(UNSUPPORTED_MEDIA_TYPE));
  });
}

/** Checks a part of a request against its zod schema. The error names the field. */
export const validatorCompiler: FastifySchemaCompiler<z.ZodObject> = ({ schema, httpPart }) => {
  return (received: Record<string, unknown>) => {
    const value = httpPart === 'headers' ? withNamesOf(schema, received) : received;
    // A path that ends early, such as /api/submissions/, is no path of the API.
    if (httpPart === 'params' && Object.values(value).includes(''))
      return { error: new HttpError(NOT_FOUND) };
    if (httpPart === 'querystring') {
      const repeated = Object.keys(value).find((name) => Array.isArray(value[name]));
      if (repeated !== undefined)
        return { error: new HttpError(faultyField('invalid_message', [repeated], 'was sent twice', {})) };
    }
    const result = schema.safeParse(value, { error: messageFor });
    if (result.success) return { value: httpPart === 'headers' ? received : result.data };
    const submissionId = httpPart === 'body' ? knownSubmissionId(value) : undefined;
    return { error: new HttpError(invalidMessage(result.error.issues, submissionId)) };
  };
};

/** The headers of a schema, under the names that it gives them. Node has all names in lower case. */
function withNamesOf(schema: z.ZodObject, headers: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.keys(schema.shape).map((name) => [name, headers[name.toLowerCase()]]));
}

import { z } from 'zod';

/** What a route may answer with, for the types of its handler and for its description. */

/** An answer with a body of JSON. */
export function json<Schema extends z.ZodType>(description: string, schema: Schema) {
  return { description, content: { 'application/json': { schema } } };
}

/** An answer with text of a media type. */
export function text(description: string, type: `text/${string}`) {
  return { description, content: { [type]: { schema: z.string() } } };
}

/** An answer without a body. */
export function empty(description: string) {
  return z.undefined().describe(description);
}

/** An answer as the schema of a route declares it. */
export type Answer =
  { description: string; content: Record<string, { schema: z.ZodType }> } | ReturnType<typeof empty>;

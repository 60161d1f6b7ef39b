import { z } from 'zod';
import type { SavedObject } from './savedObject';

const TIMEOUT_MS = 60_000;

const answer = z.object({
  success: z.boolean(),
  successCount: z.number(),
  errors: z
    .array(z.object({ id: z.string(), type: z.string(), error: z.looseObject({ type: z.string() }) }))
    .optional(),
});

export interface KibanaSettings {
  /** URL of Kibana, with the path of the space unless it is the default one. */
  url: string;
  /** API key of Elasticsearch, base64 as Kibana shows it; not set if security is off. */
  apiKey?: string | undefined;
}

/** One JSON object per line, as in Kibana's exports. */
export function ndjsonOf(objects: SavedObject[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('');
}

/**
 * Imports objects, replacing those of earlier imports. @returns how many
 * @throws Error with Kibana's answer, or the objects that it rejected
 */
export async function importInto({ url, apiKey }: KibanaSettings, objects: SavedObject[]): Promise<number> {
  const body = new FormData();
  body.set('file', new Blob([ndjsonOf(objects)]), 'orchestration.ndjson');
  const address = `${url.replace(/\/$/, '')}/api/saved_objects/_import?overwrite=true`;
  const response = await fetch(address, {
    ...{ method: 'POST', body, signal: AbortSignal.timeout(TIMEOUT_MS) },
    headers: { 'kbn-xsrf': 'true', ...(apiKey !== undefined && { Authorization: `ApiKey ${apiKey}` }) },
  });
  const text = await response.text();
  if (!response.ok)
    throw new Error(`Kibana at ${address} answered ${response.status}: ${text.slice(0, 500)}`);
  const { success, successCount, errors = [] } = answer.parse(JSON.parse(text));
  if (!success) {
    const refused = errors.map(({ type, id, error }) => `${type} ${id}: ${error.type}`).join('; ');
    throw new Error(`Kibana took ${successCount} of ${objects.length} objects, and not ${refused}`);
  }
  return successCount;
}

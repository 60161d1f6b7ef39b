import { Client, errors } from '@elastic/elasticsearch';
import { actionsTemplate } from './actionsTemplate';

interface Document {
  _id: string;
  [field: string]: unknown;
}

export interface ActionLogSettings {
  /** URL of Elasticsearch, such as `http://elasticsearch:9200`. */
  node: string;
  index: string;
}

/** How long one request may take, in milliseconds; the activity around it asks again. */
const REQUEST_TIMEOUT_MS = 10_000;

/** HTTP status of an item that was stored before: `create` never writes a document twice. */
const ALREADY_STORED = 409;

/** Raised when documents could not be stored now; writing them again later is safe. */
class ActionLogUnavailable extends Error {
  override name = 'Unavailable';
}

/** Stores action documents in Elasticsearch, each exactly once. */
export function createActionLog({ node, index }: ActionLogSettings) {
  const client = new Client({ node, requestTimeout: REQUEST_TIMEOUT_MS, maxRetries: 0 });
  let templateStored = false;

  return {
    /**
     * Stores the documents that are not stored yet, in one request.
     * @throws Error named `Unavailable` that says what Elasticsearch answered.
     */
    async write(documents: Document[]): Promise<void> {
      if (documents.length === 0) return;
      try {
        if (!templateStored) {
          await client.indices.putIndexTemplate(actionsTemplate(index));
          templateStored = true;
        }
        const operations = documents.flatMap(({ _id, ...document }) => [{ create: { _id } }, document]);
        const { items } = await client.bulk({ index, operations });
        const refused = items.filter(({ create }) => create?.error && create.status !== ALREADY_STORED);
        if (refused.length > 0)
          throw new ActionLogUnavailable(describe(refused.length, refused[0]?.create?.error));
      } catch (error) {
        if (!(error instanceof errors.ElasticsearchClientError)) throw error;
        throw new ActionLogUnavailable(
          `Elasticsearch at ${node} did not store the actions: ${error.message}`,
          {
            cause: error,
          },
        );
      }
    },

    close: () => client.close(),
  };
}

function describe(
  count: number,
  first: { type?: string | null; reason?: string | null } | undefined,
): string {
  return `Elasticsearch refused ${count} of the actions, the first for ${first?.type}: ${first?.reason}`;
}

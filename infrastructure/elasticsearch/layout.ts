import { errors, type Client } from '@elastic/elasticsearch';

/** Which indices documents are stored in. */
export interface Layout {
  /** The index of a document, by its timestamp: always the same, so that the document's id is unique. */
  indexFor: (at: string) => string;
  patterns: string[];
  /** The lifecycle policy that deletes old indices, and the alias of all indices. */
  lifecycle: { policy: string; alias: string } | null;
  description: string;
}

/**
 * Uses one index per month behind an alias if the server supports index lifecycles. Otherwise, or if an index
 * of that name already exists, uses a single index. Not a data stream: it rolls over by size and age, so a
 * document that is written again after a rollover would be stored twice (observed on Elasticsearch 8.19).
 */
export async function findLayout(client: Client, index: string, retentionDays: number): Promise<Layout> {
  if (!(await hasLifecycles(client))) return plain(index, 'Elasticsearch has no lifecycles');
  const exists = await client.indices.exists({ index });
  if (exists && !(await client.indices.existsAlias({ name: index })))
    return plain(index, 'there is an index of that name');
  await client.ilm.putLifecycle({
    name: index,
    policy: {
      phases: { hot: { actions: {} }, delete: { min_age: `${retentionDays}d`, actions: { delete: {} } } },
    },
  });
  return {
    indexFor: (at) => `${index}-${monthOf(at)}`,
    patterns: [`${index}-2*`],
    lifecycle: { policy: index, alias: index },
    description: `documents are kept in an index ${index}-YYYY.MM for each month, ${retentionDays} days long`,
  };
}

function plain(index: string, why: string): Layout {
  return {
    indexFor: () => index,
    patterns: [index],
    lifecycle: null,
    description: `documents are kept in the one index ${index}, for ever: ${why}`,
  };
}

/** A document with an invalid timestamp goes to the index of the current month, which rejects it. */
function monthOf(at: string): string {
  const moment = new Date(at);
  const known = Number.isNaN(moment.getTime()) ? new Date() : moment;
  return known.toISOString().slice(0, 7).replace('-', '.');
}

/** Some builds of the server have no lifecycles, and interpret the path of this API as something else. */
async function hasLifecycles(client: Client): Promise<boolean> {
  try {
    await client.ilm.getStatus();
    return true;
  } catch (error) {
    if (error instanceof errors.ResponseError && [400, 404, 405].includes(error.statusCode ?? 0))
      return false;
    throw error;
  }
}

import { errors, type Client } from '@elastic/elasticsearch';

/** In which indices documents are kept. */
export interface Layout {
  /** The index of a document, by its time; always the same, so that its id is unique. */
  indexFor: (at: string) => string;
  patterns: string[];
  /** The lifecycle that removes indices, and the name under which all of them are found. */
  lifecycle: { policy: string; alias: string } | null;
  description: string;
}

/**
 * Where the server removes old indices by itself: an index for each month, under one name. Where it does not, or
 * where there is an index of that name already: one index. No data stream: its indices follow one another by size
 * and age, and a document that is written again after a change would be stored twice (seen on Elasticsearch 8.19).
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

/** What has no time that can be read is stored where it is rejected for that. */
function monthOf(at: string): string {
  const moment = new Date(at);
  const known = Number.isNaN(moment.getTime()) ? new Date() : moment;
  return known.toISOString().slice(0, 7).replace('-', '.');
}

/** Small builds of the server have none, and take the address for that of something else. */
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

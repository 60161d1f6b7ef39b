import { Client } from '@elastic/elasticsearch';
import type { SharedPlatform } from './platform';
import { stack } from './stack';

export interface StoredAction {
  event: { action: string; outcome: string; sequence: number; duration: number };
  user: { id: string };
  submission: { id: string };
  temporal: { workflow_id: string; run_id: string };
}

/** The actions of a submission, found by its id, in the order in which they happened. */
export async function actionsOf({ index }: SharedPlatform, submissionId: string): Promise<StoredAction[]> {
  const client = new Client({ node: stack().elasticsearchHost });
  try {
    await client.indices.refresh({ index });
    const { hits } = await client.search<StoredAction>({
      index,
      query: { term: { 'submission.id': submissionId } },
      sort: [{ 'event.sequence': 'asc' }],
      size: 100,
    });
    return hits.hits.map(({ _source }) => _source!);
  } finally {
    await client.close();
  }
}

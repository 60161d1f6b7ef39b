import { setTimeout as wait } from 'node:timers/promises';
import { Client } from '@elastic/elasticsearch';
import type { SharedPlatform } from './platform';
import { stack } from './stack';

export interface StoredAction {
  event: { action: string; outcome: string; sequence: number; duration: number };
  user: { id: string };
  submission: { id: string };
  temporal: { workflow_id: string; run_id: string };
}

/** How long after its end the actions of a submission may take to arrive, in milliseconds. */
const RECORDED_WITHIN_MS = 30_000;

/**
 * The actions of a submission that has ended, found by its id, in the order in which they happened. They
 * arrive soon after the end.
 * @throws Error when they do not
 */
export async function actionsOf({ index }: SharedPlatform, submissionId: string): Promise<StoredAction[]> {
  const client = new Client({ node: stack().elasticsearchHost });
  const deadline = performance.now() + RECORDED_WITHIN_MS;
  try {
    for (;;) {
      await client.indices.refresh({ index, ignore_unavailable: true });
      const { hits } = await client.search<StoredAction>({
        index,
        ignore_unavailable: true,
        query: { term: { 'submission.id': submissionId } },
        sort: [{ 'event.sequence': 'asc' }],
        size: 100,
      });
      const actions = hits.hits.map(({ _source }) => _source!);
      if (actions.at(-1)?.event.action === 'submission.finished') return actions;
      if (performance.now() > deadline)
        throw new Error(
          `The actions of ${submissionId} did not arrive: ${JSON.stringify(actions.map(({ event }) => event.action))}.`,
        );
      await wait(100);
    }
  } finally {
    await client.close();
  }
}

import { Client, errors } from '@elastic/elasticsearch';
import type { ElasticsearchAccess } from './access';
import { withoutPassword } from './address';

export interface RecordedRunsSettings extends ElasticsearchAccess {
  /** The index of actions. */
  index: string;
}

/** Which workflow runs have their actions in Elasticsearch. */
export interface RecordedRuns {
  /** The ids among these of runs whose last action is not stored. At most 1,000 at a time. */
  missing(runIds: string[]): Promise<string[]>;
  /** The time up to which all workflows that ended are recorded, as it was written last; null if never. */
  readCheckpoint(): Promise<Date | null>;
  writeCheckpoint(recordedUntil: Date): Promise<void>;
  close(): Promise<void>;
}

const REQUEST_TIMEOUT_MS = 10_000;

/** The index with the checkpoint, next to the index of actions. It is lost with them, and they are rebuilt. */
export function checkpointIndexOf(index: string): string {
  return `${index}-checkpoint`;
}

const CHECKPOINT = 'recorded';

/** @throws Error named `Unavailable` from each method while Elasticsearch does not answer */
export function createRecordedRuns({ index, ...access }: RecordedRunsSettings): RecordedRuns {
  const client = new Client({ ...access, requestTimeout: REQUEST_TIMEOUT_MS, maxRetries: 0 });
  const checkpoints = checkpointIndexOf(index);

  async function asking<T>(call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof errors.ElasticsearchClientError)) throw error;
      const message = `Elasticsearch at ${withoutPassword(access.node)} does not answer: ${error.message}`;
      throw Object.assign(new Error(message, { cause: error }), { name: 'Unavailable' });
    }
  }

  return {
    missing: (runIds) =>
      asking(async () => {
        const { hits } = await client.search({
          index,
          ...{ ignore_unavailable: true, allow_no_indices: true, track_total_hits: false },
          size: runIds.length,
          _source: false,
          fields: ['temporal.run_id'],
          query: {
            bool: {
              filter: [
                { terms: { 'temporal.run_id': runIds } },
                { wildcard: { 'event.action': { value: '*.finished' } } },
              ],
            },
          },
        });
        const stored = new Set(
          hits.hits.flatMap(({ fields }) => (fields?.['temporal.run_id'] ?? []) as string[]),
        );
        return runIds.filter((id) => !stored.has(id));
      }),

    readCheckpoint: () =>
      asking(async () => {
        const { _source } = await client.get<{ recorded_until: string }>(
          { index: checkpoints, id: CHECKPOINT },
          { ignore: [404] },
        );
        return _source ? new Date(_source.recorded_until) : null;
      }),

    writeCheckpoint: (recordedUntil) =>
      asking(async () => {
        const document = { recorded_until: recordedUntil.toISOString() };
        await client.index({ index: checkpoints, id: CHECKPOINT, document });
      }),

    close: () => client.close(),
  };
}

import { isDeepStrictEqual } from 'node:util';
import type { Client as Elasticsearch } from '@elastic/elasticsearch';
import type { Client as Temporal } from '@temporalio/client';
import { documentsOf } from '../../../activities/actions';
import { rejectedIndexOf } from '../../../infrastructure/elasticsearch/actionsTemplate';
import { recordedTrails } from '../../../operations/reindex/trails';
import type { SeenActions, SeenFinal } from '../observations';

interface Stored {
  event: { action: string; reason?: string; sequence: number };
  submission?: { id: string };
  temporal: { workflow_id: string; run_id: string };
  details?: { cause?: string };
}

export interface ReadActions {
  actions: SeenActions;
  /** The end of each submission according to its stored actions. */
  finals: Map<string, SeenFinal>;
}

/** Compares the stored documents with those that `npm run reindex` derives from the history. */
export async function readActions(
  elasticsearch: Elasticsearch,
  temporal: Temporal,
  { index, taskQueue }: { index: string; taskQueue: string },
): Promise<ReadActions> {
  const expected = new Map<string, unknown>();
  for await (const trail of recordedTrails(temporal, taskQueue, null))
    for (const { _id, ...document } of trail ? documentsOf(trail) : [])
      expected.set(_id, JSON.parse(JSON.stringify(document)));

  await elasticsearch.indices.refresh({ index });
  const stored: string[] = [];
  const different: string[] = [];
  const finals = new Map<string, SeenFinal>();
  for await (const { body } of elasticsearch.helpers.scrollSearch<Stored>({ index, size: 500 }))
    for (const { _id, _source } of body.hits.hits) {
      const { event, temporal: run, submission, details } = _source!;
      stored.push(`${run.workflow_id}:${run.run_id}:${event.sequence}`);
      const wanted = expected.get(_id ?? '');
      if (wanted !== undefined && !isDeepStrictEqual(wanted, _source)) different.push(_id ?? '');
      if (event.action !== 'submission.finished' || !submission) continue;
      const reason = details?.cause ?? null;
      finals.set(submission.id, { observer: 'Elasticsearch', status: event.reason ?? '', reason });
    }
  const { count: rejected } = await elasticsearch.count({
    index: rejectedIndexOf(index),
    ignore_unavailable: true,
  });
  return { actions: { expected: [...expected.keys()], stored, different, rejected }, finals };
}

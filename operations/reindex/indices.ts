import { documentsOf, type ActionTrail } from '../../activities/actions';
import { outputOfTrail } from '../../activities/outputDocuments';
import type { LogDocument } from '../../activities/ports';
import type { ElasticsearchAccess } from '../../infrastructure/elasticsearch/access';
import { createActionLog, type WriteReport } from '../../infrastructure/elasticsearch/actionLog';
import { createOutputArchive, type ArchivedRange } from '../../infrastructure/elasticsearch/outputArchive';
import { outputIndexOf, outputTemplate } from '../../infrastructure/elasticsearch/outputTemplate';

/** The number of documents in a request to Elasticsearch. */
const BATCH = 500;
/** The size at which a request is sent with fewer documents, in characters of JSON. */
const BATCH_SIZE = 4 * 1024 * 1024;

/** Output that is missing from both the history and the index. */
export interface OutputGap extends Omit<ArchivedRange, 'start' | 'end'> {
  missingBytes: number;
}

/** Opens the index of actions and the matching index of output. */
export function openIndices(access: ElasticsearchAccess, index: string, retentionDays: number) {
  const outputOfdex = outputIndexOf(index);
  const settings = { ...access, retentionDays };
  const actions = batched(createActionLog({ ...settings, index }));
  const output = batched(createActionLog({ ...settings, index: outputOfdex, template: outputTemplate }));
  const archive = createOutputArchive({ ...access, index: outputOfdex });
  const outputGaps: OutputGap[] = [];

  return {
    /** Writes the parts of a trail that are missing in the indices. */
    async complete(trail: ActionTrail): Promise<void> {
      await actions.add(documentsOf(trail));
      const { documents, truncated } = outputOfTrail(trail);
      await output.add(documents);
      const { submissionId, userId } = trail.provenance;
      if (submissionId === undefined) return;
      for (const { executionId, stream, start, end } of truncated) {
        const stored = await archive.size({ userId, submissionId, executionId, stream, start, end });
        if (stored < end - start)
          outputGaps.push({ userId, submissionId, executionId, stream, missingBytes: end - start - stored });
      }
    },
    /** Writes the rest, and returns the totals. */
    finish: async () => ({ actions: await actions.finish(), output: await output.finish(), outputGaps }),
    close: () => Promise.all([actions.close(), output.close(), archive.close()]),
  };
}

function batched(log: ReturnType<typeof createActionLog>) {
  const report: WriteReport = { stored: 0, known: 0, rejected: 0 };
  let batch: LogDocument[] = [];
  let size = 0;
  const flush = async () => {
    const documents = batch;
    batch = [];
    size = 0;
    for (const [result, count] of Object.entries(await log.write(documents)))
      report[result as keyof WriteReport] += count as number;
  };
  return {
    async add(documents: LogDocument[]): Promise<void> {
      for (const document of documents) {
        batch.push(document);
        size += JSON.stringify(document).length;
        if (batch.length >= BATCH || size >= BATCH_SIZE) await flush();
      }
    },
    async finish(): Promise<WriteReport> {
      await flush();
      return report;
    },
    close: () => log.close(),
  };
}

import { Client } from '@elastic/elasticsearch';
import { z } from 'zod';
import type { ElasticsearchAccess } from './access';

export interface OutputArchiveSettings extends ElasticsearchAccess {
  /** Of output; outputTemplate.ts. */
  index: string;
}

/** Bytes of a stream of an execution, from `start` on and before `end`. */
export interface ArchivedRange {
  submissionId: string;
  executionId: string;
  stream: 'stdout' | 'stderr';
  start: number;
  end: number;
}

/** Reads back what the worker stored of what programs printed. */
export interface OutputArchive {
  /** What there is of the range from its start on, in order. Ends at the first byte that is not there. @throws Error */
  read(range: ArchivedRange): AsyncGenerator<Buffer>;
  /** How many bytes of the range there are, when it begins where a document does. @throws Error */
  size(range: ArchivedRange): Promise<number>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 5_000;

/** The most that a document has of a stream, in bytes, and how many of them are read at a time. */
const CHUNK_BYTES = 65_536;
const PAGE = 16;

const stored = z.object({
  message: z.string().optional(),
  output: z.object({
    offset: z.number(),
    bytes: z.number(),
    lost: z.boolean().optional(),
    data: z.string().optional(),
  }),
});

export function createOutputArchive({ index, ...access }: OutputArchiveSettings): OutputArchive {
  const client = new Client({ ...access, requestTimeout: TIMEOUT_MS, maxRetries: 0 });

  async function page(range: ArchivedRange) {
    const { hits } = await client.search({
      index,
      ignore_unavailable: true,
      size: PAGE,
      query: documentsIn({ ...range, start: range.start - CHUNK_BYTES + 1 }),
      sort: [{ 'output.offset': { order: 'asc', unmapped_type: 'long' } }],
    });
    return hits.hits.map(({ _source }) => stored.parse(_source));
  }

  return {
    async *read(range) {
      let next = range.start;
      for (;;) {
        const documents = await page({ ...range, start: next });
        for (const { message = '', output } of documents) {
          if (output.offset > next) return;
          const data = output.data === undefined ? Buffer.from(message) : Buffer.from(output.data, 'base64');
          const wanted = data.subarray(next - output.offset, range.end - output.offset);
          next += wanted.length;
          if (wanted.length > 0) yield wanted;
        }
        if (documents.length < PAGE || next >= range.end) return;
      }
    },
    async size(range) {
      const { aggregations } = await client.search<unknown, { bytes: { value: number } }>({
        index,
        ignore_unavailable: true,
        size: 0,
        query: documentsIn(range),
        aggs: { bytes: { sum: { field: 'output.bytes' } } },
      });
      // There are none when there is no index.
      return aggregations?.bytes.value ?? 0;
    },
    close: () => client.close(),
  };
}

/** Those that begin in the range. */
function documentsIn({ submissionId, executionId, stream, start, end }: ArchivedRange) {
  return {
    bool: {
      filter: [
        { term: { 'submission.id': submissionId } },
        { term: { 'output.execution': executionId } },
        { term: { 'output.stream': stream } },
        { range: { 'output.offset': { gte: start, lt: end } } },
      ],
      must_not: [{ term: { 'output.lost': true } }],
    },
  };
}

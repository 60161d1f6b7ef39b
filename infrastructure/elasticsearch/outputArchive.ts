import { Client } from '@elastic/elasticsearch';
import { z } from 'zod';
import type { ElasticsearchAccess } from './access';

export interface OutputArchiveSettings extends ElasticsearchAccess {
  /** The index of program output (outputTemplate.ts). */
  index: string;
}

/** A byte range of one stream of an execution: from `start` up to, but not including, `end`. */
export interface ArchivedRange {
  /** Ids of submissions are unique within their user. */
  userId: string;
  submissionId: string;
  executionId: string;
  stream: 'stdout' | 'stderr';
  start: number;
  end: number;
}

/** Reads the program output that the worker archived. */
export interface OutputArchive {
  /** Yields the bytes of the range in order, up to the first byte that is missing. @throws Error */
  read(range: ArchivedRange): AsyncGenerator<Buffer>;
  /** How many bytes of the range are archived, if the range begins where a document begins. @throws Error */
  size(range: ArchivedRange): Promise<number>;
  close(): Promise<void>;
}

const TIMEOUT_MS = 5_000;

/** Maximum bytes of a stream in one document, and documents per request. */
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
      // There are no aggregations when the index does not exist.
      return aggregations?.bytes.value ?? 0;
    },
    close: () => client.close(),
  };
}

/** Matches the documents that begin in the range. */
function documentsIn({ userId, submissionId, executionId, stream, start, end }: ArchivedRange) {
  return {
    bool: {
      filter: [
        { term: { 'user.id': userId } },
        { term: { 'submission.id': submissionId } },
        { term: { 'output.execution': executionId } },
        { term: { 'output.stream': stream } },
        { range: { 'output.offset': { gte: start, lt: end } } },
      ],
      must_not: [{ term: { 'output.lost': true } }],
    },
  };
}

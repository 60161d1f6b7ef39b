import { Client, errors, type estypes } from '@elastic/elasticsearch';
import type { ElasticsearchAccess } from './access';
import { withoutPassword } from './address';
import { logsPatternOf, logsTemplate } from './logsTemplate';

export interface LogHistorySettings extends ElasticsearchAccess {
  /** Prefix of the index names, such as `orchestration-logs`. */
  prefix: string;
}

/** A stored line. */
export interface StoredLine {
  /** When it was printed: RFC 3339 with up to nine fractional digits. */
  at: string;
  pod: string;
  text: string;
}

export interface LogQuery {
  namespace: string;
  container: string;
  /** Only lines from this time on (RFC 3339); null for all. */
  since: string | null;
  /** Excludes the lines of these pods before a time. */
  known: { pod: string; until: string }[];
  /** Maximum number of lines; the last ones are returned. */
  lines: number;
  signal: AbortSignal;
}

/** Lines of pods, including deleted ones. */
export interface LogHistory {
  /** Lines in the order of printing. @throws Error that names Elasticsearch when it does not answer */
  tail(query: LogQuery): Promise<StoredLine[]>;
  close(): Promise<void>;
}

/** Lines per request, and the number of characters after which reading stops. */
const PAGE = 500;
const MAX_CHARACTERS = 4_194_304;

const REQUEST_TIMEOUT_MS = 5_000;

interface Source {
  '@timestamp': string;
  message?: string;
  orchestrator?: { resource?: { name?: string } };
}

export function createLogHistory({ prefix, ...access }: LogHistorySettings): LogHistory {
  const client = new Client({ ...access, requestTimeout: REQUEST_TIMEOUT_MS, maxRetries: 0 });
  return {
    async tail({ lines, signal, ...query }) {
      const found: StoredLine[] = [];
      let characters = 0;
      let after: estypes.SortResults | undefined;
      try {
        while (found.length < lines && characters < MAX_CHARACTERS) {
          const { hits } = await client.search<Source>(
            {
              index: logsPatternOf(prefix),
              ...{ ignore_unavailable: true, allow_no_indices: true, track_total_hits: false },
              size: Math.min(PAGE, lines - found.length),
              query: searchFor(query),
              sort: [
                { '@timestamp': { order: 'desc', format: 'strict_date_optional_time_nanos' } },
                { 'log.offset': { order: 'desc', unmapped_type: 'long' } },
              ],
              ...(after && { search_after: after }),
            },
            { signal },
          );
          for (const { _source } of hits.hits) {
            const line = lineOf(_source);
            if (line) found.push(line);
            characters += line?.text.length ?? 0;
          }
          after = hits.hits.at(-1)?.sort;
          if (hits.hits.length < PAGE) break;
        }
      } catch (error) {
        if (!(error instanceof errors.ElasticsearchClientError)) throw error;
        throw new Error(
          `Elasticsearch at ${withoutPassword(access.node)} does not answer: ${error.message}`,
          {
            cause: error,
          },
        );
      }
      return found.reverse();
    },

    close: () => client.close(),
  };
}

/** Creates the index template, before a forwarder writes the first line. */
export async function putLogsTemplate({ node, prefix }: LogHistorySettings): Promise<void> {
  const client = new Client({ node, requestTimeout: REQUEST_TIMEOUT_MS });
  try {
    await client.indices.putIndexTemplate(logsTemplate(prefix));
  } finally {
    await client.close();
  }
}

function searchFor({ namespace, container, since, known }: Omit<LogQuery, 'lines' | 'signal'>) {
  return {
    bool: {
      filter: [
        { term: { 'orchestrator.namespace': namespace } },
        { term: { 'container.name': container } },
        ...(since === null ? [] : [{ range: { '@timestamp': { gte: since } } }]),
      ],
      must_not: known.map(({ pod, until }) => ({
        bool: {
          filter: [
            { term: { 'orchestrator.resource.name': pod } },
            { range: { '@timestamp': { lt: until } } },
          ],
        },
      })),
    },
  };
}

function lineOf(source: Source | undefined): StoredLine | null {
  const pod = source?.orchestrator?.resource?.name;
  if (!source || pod === undefined) return null;
  return { at: source['@timestamp'], pod, text: source.message ?? '' };
}

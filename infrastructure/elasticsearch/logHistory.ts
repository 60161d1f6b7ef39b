import { Client, errors, type estypes } from '@elastic/elasticsearch';
import type { ElasticsearchAccess } from './access';
import { withoutPassword } from './address';
import { logsPatternOf, logsTemplate } from './logsTemplate';

export interface LogHistorySettings extends ElasticsearchAccess {
  /** What the names of the indices begin with, such as `orchestration-logs`. */
  prefix: string;
}

/** A line that was stored. */
export interface StoredLine {
  /** As it was printed: RFC 3339 with up to nine digits. */
  at: string;
  pod: string;
  text: string;
}

export interface LogQuery {
  namespace: string;
  container: string;
  /** Only lines from then on, RFC 3339; null for all. */
  since: string | null;
  /** The lines of these pods up to a time are not wanted. */
  known: { pod: string; until: string }[];
  /** At most so many lines, the last. */
  lines: number;
  signal: AbortSignal;
}

/** Lines of pods, also of those that are gone. */
export interface LogHistory {
  /** In their order. @throws Error that names Elasticsearch when it does not answer */
  tail(query: LogQuery): Promise<StoredLine[]>;
  close(): Promise<void>;
}

/** Lines of a request, and characters at which enough was read. */
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

/** Says how lines are indexed, before a forwarder writes the first one. */
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

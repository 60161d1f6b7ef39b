import { Client, errors } from '@elastic/elasticsearch';
import type { LogDocument } from '../../activities/ports';
import type { ElasticsearchAccess } from './access';
import { actionsTemplate, rejectedIndexOf, rejectedTemplate } from './actionsTemplate';
import type { LogCounters } from './counters';
import { withoutPassword } from './address';
import { findLayout, type Layout } from './layout';
import type { IndexTemplate, TemplateLayout } from './template';

export interface ActionLogSettings extends ElasticsearchAccess {
  index: string;
  /** How long Elasticsearch keeps documents, in days, if it supports index lifecycles. */
  retentionDays?: number;
  counters?: LogCounters | undefined;
  /** Called once, with a description of the index layout. */
  say?: (message: string) => void;
  /** The index template; by default the one for actions. */
  template?: (index: string, layout: TemplateLayout) => IndexTemplate;
}

/** Timeout of one request, in milliseconds; the calling activity retries. */
const REQUEST_TIMEOUT_MS = 10_000;

/** A common retention period of audit records. */
const RETENTION_DAYS = 365;

/** HTTP status of a document that already exists: `create` never overwrites one. */
const ALREADY_STORED = 409;

/** HTTP status of a document that can never be stored: an invalid date, or a conflict with the mapping. */
const REJECTED = 400;

/** What happened to the documents of one `write`. */
export interface WriteReport {
  stored: number;
  /** Already stored, and left unchanged. */
  known: number;
  /** Moved to the index of rejected documents, with the reason. */
  rejected: number;
}

/** Thrown when documents could not be stored at the moment. Retrying is safe. */
class ActionLogUnavailable extends Error {
  override name = 'Unavailable';
}

/** Stores action documents in Elasticsearch, each exactly once. */
export function createActionLog(settings: ActionLogSettings) {
  const {
    index,
    retentionDays = RETENTION_DAYS,
    template = actionsTemplate,
    counters,
    say,
    ...access
  } = settings;
  const address = withoutPassword(access.node);
  const client = new Client({ ...access, requestTimeout: REQUEST_TIMEOUT_MS, maxRetries: 0 });
  const rejections = rejectedIndexOf(index);
  let layout: Layout | undefined;

  /** Creates the documents that do not exist. @returns those that Elasticsearch refused, with its error */
  async function create(documents: LogDocument[], target: (at: string) => string): Promise<Refusal[]> {
    const operations = documents.flatMap(({ _id, ...document }) => [
      { create: { _index: target(document['@timestamp']), _id } },
      document,
    ]);
    const { items } = await client.bulk({ operations });
    const refusals = items.flatMap(({ create }, index) => {
      const document = documents[index];
      if (!create?.error || !document) return [];
      const { type, reason } = create.error;
      return [{ document, status: create.status, type: type ?? 'error', reason: reason ?? '' }];
    });
    const [failed] = refusals.filter(({ status }) => status !== ALREADY_STORED && status !== REJECTED);
    if (failed) throw new ActionLogUnavailable(`Elasticsearch did not store an action: ${reasonOf(failed)}`);
    return refusals;
  }

  /** Creates the index templates before the first document is stored. */
  async function prepare(): Promise<Layout> {
    const found = await findLayout(client, index, retentionDays);
    await client.indices.putIndexTemplate(template(index, found));
    await client.indices.putIndexTemplate(rejectedTemplate(rejections));
    say?.(found.description);
    return found;
  }

  return {
    /**
     * Stores the documents that are not stored yet. A document that Elasticsearch rejects does not block the
     * others: it is stored as text, under its own id, in the index that `rejectedIndexOf` names. Without
     * documents, this only creates the index templates.
     * @throws Error named `Unavailable` with Elasticsearch's answer
     */
    async write(documents: LogDocument[]): Promise<WriteReport> {
      try {
        layout ??= await prepare();
        if (documents.length === 0) return { stored: 0, known: 0, rejected: 0 };
        const refusals = await create(documents, layout.indexFor);
        const rejected = refusals.filter(({ status }) => status === REJECTED);
        if (rejected.length > 0) {
          const [again] = (await create(rejected.map(putAside), () => rejections)).filter(
            ({ status }) => status === REJECTED,
          );
          if (again) throw new ActionLogUnavailable(`A rejected action cannot be kept: ${reasonOf(again)}`);
        }
        const report = {
          stored: documents.length - refusals.length,
          known: refusals.length - rejected.length,
          rejected: rejected.length,
        };
        for (const result of ['stored', 'known', 'rejected'] as const)
          counters?.documents(result, report[result]);
        return report;
      } catch (error) {
        counters?.failed();
        if (!(error instanceof errors.ElasticsearchClientError)) throw error;
        throw new ActionLogUnavailable(
          `Elasticsearch at ${address} did not store the actions: ${error.message}`,
          {
            cause: error,
          },
        );
      }
    },

    close: () => client.close(),
  };
}

interface Refusal {
  document: LogDocument;
  status: number;
  type: string;
  reason: string;
}

/** The form in which a rejected document is stored: as text, with the error. */
function putAside({ document: { _id, ...document }, type, reason }: Refusal): LogDocument {
  return {
    _id,
    '@timestamp': new Date().toISOString(),
    error: { type, message: reason },
    document: JSON.stringify(document),
  };
}

function reasonOf({ type, reason }: Refusal): string {
  return `${type}: ${reason}`;
}

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
  /** How long documents are kept where Elasticsearch removes them by itself, in days. */
  retentionDays?: number;
  counters?: LogCounters | undefined;
  /** Told once in which form documents are kept. */
  say?: (message: string) => void;
  /** Of its index; by default that of actions. */
  template?: (index: string, layout: TemplateLayout) => IndexTemplate;
}

/** How long one request may take, in milliseconds; the activity around it asks again. */
const REQUEST_TIMEOUT_MS = 10_000;

/** As long as an audit is commonly kept. */
const RETENTION_DAYS = 365;

/** HTTP status of an item that was stored before: `create` never writes a document twice. */
const ALREADY_STORED = 409;

/** HTTP status of an item that can never be stored as it is: a field that is no date, a mapping that it conflicts with. */
const REJECTED = 400;

/** What became of documents. */
export interface WriteReport {
  stored: number;
  /** Stored before, and left as they were. */
  known: number;
  /** Put aside into the index of rejected documents, with the reason. */
  rejected: number;
}

/** Raised when documents could not be stored now; writing them again later is safe. */
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
  const place = withoutPassword(access.node);
  const client = new Client({ ...access, requestTimeout: REQUEST_TIMEOUT_MS, maxRetries: 0 });
  const rejections = rejectedIndexOf(index);
  let layout: Layout | undefined;

  /** Creates what is not there yet. @returns those of which Elasticsearch said something else than that it stored them */
  async function create(documents: LogDocument[], target: (at: string) => string): Promise<Refusal[]> {
    const operations = documents.flatMap(({ _id, ...document }) => [
      { create: { _index: target(document['@timestamp']), _id } },
      document,
    ]);
    const { items } = await client.bulk({ operations });
    const refusals = items.flatMap(({ create }, place) => {
      const document = documents[place];
      if (!create?.error || !document) return [];
      const { type, reason } = create.error;
      return [{ document, status: create.status, type: type ?? 'error', reason: reason ?? '' }];
    });
    const [failed] = refusals.filter(({ status }) => status !== ALREADY_STORED && status !== REJECTED);
    if (failed) throw new ActionLogUnavailable(`Elasticsearch did not store an action: ${reasonOf(failed)}`);
    return refusals;
  }

  /** Says how documents are indexed, before the first one is. */
  async function prepare(): Promise<Layout> {
    const found = await findLayout(client, index, retentionDays);
    await client.indices.putIndexTemplate(template(index, found));
    await client.indices.putIndexTemplate(rejectedTemplate(rejections));
    say?.(found.description);
    return found;
  }

  return {
    /**
     * Stores the documents that are not stored yet. One that can never be stored is put aside, so that it holds up no
     * other: as text, under its own id, in the index that `rejectedIndexOf` names. Without documents it only makes sure
     * of the templates.
     * @throws Error named `Unavailable` that says what Elasticsearch answered.
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
          `Elasticsearch at ${place} did not store the actions: ${error.message}`,
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

/** A document as it is kept when the index of actions cannot have it. */
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

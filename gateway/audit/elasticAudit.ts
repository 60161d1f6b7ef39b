import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { accessTo } from '../../infrastructure/elasticsearch/access';
import { createActionLog } from '../../infrastructure/elasticsearch/actionLog';
import { auditIndexOf } from '../../infrastructure/elasticsearch/actionsTemplate';
import { createAuditLog } from '../../infrastructure/elasticsearch/auditLog';
import type { LogCounters } from '../../infrastructure/elasticsearch/counters';
import { Spool } from '../../infrastructure/elasticsearch/spool';
import type { Logger } from '../../infrastructure/logging';
import type { ClientAddress } from '../auth/clientAddress';
import type { AuditEvent, Audit } from './audit';
import { auditDocument } from './document';
import { Refusals } from './refusals';

export interface AuditSettings {
  ELASTICSEARCH_HOST: string;
  ELASTICSEARCH_CA_FILE?: string | undefined;
  ELASTICSEARCH_API_KEY?: string | undefined;
  ELASTICSEARCH_INDEX: string;
  AUDIT_DIRECTORY: string;
  AUDIT_SPOOL_MB: number;
  ACTIONS_RETENTION_DAYS: number;
}

/** Actions of callers without a valid key: anyone can cause them. */
const UNAUTHENTICATED_ACTIONS = ['api.refused', 'api.login'];

/** How often refusals that were only counted are logged, in milliseconds. */
const SWEEP_MS = 60_000;

const MEGABYTE = 1_048_576;

/** The audit of a gateway: spooled on disk, and written to Elasticsearch when it is available. */
export function elasticAudit(
  settings: AuditSettings,
  { logger, counters, addressOf }: { logger: Logger; counters: LogCounters; addressOf: ClientAddress },
): Audit & { close(): Promise<void> } {
  const store = createActionLog({
    ...accessTo(settings),
    index: auditIndexOf(settings.ELASTICSEARCH_INDEX),
    retentionDays: settings.ACTIONS_RETENTION_DAYS,
    counters,
    say: (layout) => logger.info({ layout }, 'storing the audit'),
  });
  const spool = new Spool({
    // Only gateways of the same index may share it: each takes over what another one left.
    directory: join(settings.AUDIT_DIRECTORY, settings.ELASTICSEARCH_INDEX),
    maxBytes: settings.AUDIT_SPOOL_MB * MEGABYTE,
  });
  const log = createAuditLog({ spool, write: (documents) => store.write(documents), logger, counters });
  const refusals = new Refusals();
  const sweeps = setInterval(() => {
    for (const [address, suppressed] of refusals.sweep())
      logger.warn({ remote: address, suppressed }, 'more calls were refused than the audit records');
  }, SWEEP_MS);
  sweeps.unref();

  return {
    note(request: IncomingMessage, asked: AuditEvent) {
      try {
        const address = addressOf(request);
        const counted = isUnauthenticated(asked) ? refusals.take(address ?? '') : KNOWN;
        if (!counted.noted) return;
        const { suppressed } = counted;
        const details = {
          ...asked.details,
          ...(suppressed > 0 && { refused_before_and_not_noted: suppressed }),
        };
        log.record(auditDocument(request, { ...asked, details }, address));
      } catch (error) {
        // A failing disk must not fail the call, which was carried out.
        logger.error(
          { err: error, asked },
          'failed to keep the audit of this call: this log line is its only record',
        );
      }
    },
    async close() {
      clearInterval(sweeps);
      await log.close();
      await store.close();
    },
  };
}

const KNOWN = { noted: true, suppressed: 0 };

function isUnauthenticated({ action, principal }: AuditEvent): boolean {
  return principal === null && UNAUTHENTICATED_ACTIONS.includes(action);
}

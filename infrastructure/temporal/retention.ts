import type { WorkflowService } from '@temporalio/client';
import { msNumberToTs, optionalTsToMs } from '@temporalio/common/lib/time';

const DAY_MS = 86_400_000;

/**
 * Makes a namespace keep the history of closed workflows for at least this many days. An existing namespace
 * is changed as well, but its retention is never shortened. Temporal Cloud refuses this call: set the
 * retention in its console.
 * @returns the previous retention in days, or null when nothing had to change
 */
export async function ensureRetention(
  service: Pick<WorkflowService, 'describeNamespace' | 'updateNamespace'>,
  namespace: string,
  days: number,
): Promise<number | null> {
  const before = await retentionMs(service, namespace);
  if (before >= days * DAY_MS) return null;
  const workflowExecutionRetentionTtl = msNumberToTs(days * DAY_MS);
  await service.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
  return before / DAY_MS;
}

/** How long a namespace keeps the history of closed workflows, in milliseconds. */
export async function retentionMs(
  service: Pick<WorkflowService, 'describeNamespace'>,
  namespace: string,
): Promise<number> {
  const { config } = await service.describeNamespace({ namespace });
  return optionalTsToMs(config?.workflowExecutionRetentionTtl) ?? 0;
}

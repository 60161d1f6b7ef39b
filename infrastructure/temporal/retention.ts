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
  const { config } = await service.describeNamespace({ namespace });
  const before = optionalTsToMs(config?.workflowExecutionRetentionTtl) ?? 0;
  if (before >= days * DAY_MS) return null;
  const workflowExecutionRetentionTtl = msNumberToTs(days * DAY_MS);
  await service.updateNamespace({ namespace, config: { workflowExecutionRetentionTtl } });
  return before / DAY_MS;
}

import type { WorkflowService } from '@temporalio/client';
import { msNumberToTs, optionalTsToMs } from '@temporalio/common/lib/time';

const DAY_MS = 86_400_000;

/**
 * Makes a namespace keep the history of what is over for so many days, if it keeps it for less: a namespace that exists
 * is changed, too, and nothing is forgotten earlier than before. Temporal Cloud refuses this call: there it is set in
 * its console.
 * @returns for how many days it kept it before, or null when nothing had to change
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

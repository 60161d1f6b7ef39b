import type { Client } from '@temporalio/client';

/**
 * Whether a user's submission is running, or has ended since then. Uses the search attribute `UserId` of
 * workflows/contract.ts.
 */
export async function usedSince({ workflow }: Client, userId: string, since: Date): Promise<boolean> {
  const recently = `ExecutionStatus = 'Running' OR CloseTime > '${since.toISOString()}'`;
  const { count } = await workflow.count(`UserId = '${userId}' AND (${recently})`);
  return count > 0;
}

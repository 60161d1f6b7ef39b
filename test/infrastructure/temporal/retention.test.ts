import { msNumberToTs } from '@temporalio/common/lib/time';
import type { WorkflowService } from '@temporalio/client';
import { ensureRetention } from '../../../infrastructure/temporal/retention';

const DAY_MS = 86_400_000;

/** A Temporal server whose only namespace has this retention. */
function keeping(days: number) {
  const updateNamespace = jest.fn().mockResolvedValue({});
  const config = { workflowExecutionRetentionTtl: msNumberToTs(days * DAY_MS) };
  const describeNamespace = jest.fn().mockResolvedValue({ config });
  return { describeNamespace, updateNamespace } as unknown as WorkflowService & {
    updateNamespace: jest.Mock;
  };
}

test('a namespace that keeps history for a day keeps it for thirty from then on', async () => {
  const service = keeping(1);
  expect(await ensureRetention(service, 'default', 30)).toBe(1);
  expect(service.updateNamespace).toHaveBeenCalledWith({
    namespace: 'default',
    config: { workflowExecutionRetentionTtl: msNumberToTs(30 * DAY_MS) },
  });
});

test.each([30, 90])('one that keeps it for %i days is left alone', async (days) => {
  const service = keeping(days);
  expect(await ensureRetention(service, 'default', 30)).toBeNull();
  expect(service.updateNamespace).not.toHaveBeenCalled();
});

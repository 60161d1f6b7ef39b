import { createActivities, type ActivityDependencies } from '../../activities';

/** A rollback reads a submission under the id of its user's own, or under the one that admin keys use. */

function reading(known: string[]) {
  const read = (workflowId: string) =>
    Promise.resolve(known.includes(workflowId) ? { input: workflowId, memo: {} } : null);
  const parts = { workflowRecords: { read }, settings: {} };
  return createActivities(parts as unknown as ActivityDependencies);
}

test.each([
  [['submission-x', 'submission-x.ada'], 'submission-x.ada'],
  [['submission-x'], 'submission-x'],
  [['submission-x.ada'], 'submission-x.ada'],
  [[], undefined],
])('of %j, it reads %s', async (known, expected) => {
  expect((await reading(known).readWorkflow('submission-x', 'submission-x.ada'))?.input).toBe(expected);
});

test('a workflow that an older worker started names one id', async () => {
  expect((await reading(['submission-x']).readWorkflow('submission-x'))?.input).toBe('submission-x');
});

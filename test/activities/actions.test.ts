import { documentsOf } from '../../activities/actions';

const provenance = {
  userId: 'test',
  submissionId: 's1',
  workflowId: 'submission-s1',
  runId: 'r1',
  codeDigest: 'd1',
};

test('an action becomes a document that says who, what, when and how it ended', () => {
  const [document] = documentsOf({
    provenance,
    namespace: 'user-test',
    actions: [
      { name: 'stage.run_tests', outcome: 'failure', startedAt: 1_000, endedAt: 1_250, reason: 'timed_out' },
    ],
  });
  expect(document).toMatchObject({
    _id: 'submission-s1:r1:0',
    '@timestamp': '1970-01-01T00:00:01.250Z',
    event: {
      action: 'stage.run_tests',
      outcome: 'failure',
      reason: 'timed_out',
      sequence: 0,
      start: '1970-01-01T00:00:01.000Z',
      duration: 250_000_000,
    },
    user: { id: 'test' },
    submission: { id: 's1', code_digest: 'd1' },
    temporal: { workflow_id: 'submission-s1', run_id: 'r1' },
  });
});

test('a trail that is written again gives the same ids', () => {
  const trail = {
    provenance,
    namespace: 'user-test',
    actions: [
      { name: 'submission.accepted', outcome: 'success' as const, startedAt: 1, endedAt: 1 },
      { name: 'submission.finished', outcome: 'success' as const, startedAt: 2, endedAt: 2 },
    ],
  };
  const ids = documentsOf(trail).map(({ _id }) => _id);
  expect(new Set(ids).size).toBe(2);
  expect(documentsOf(trail).map(({ _id }) => _id)).toEqual(ids);
});

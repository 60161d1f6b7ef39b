import { check } from './check';
import type { Observations, SeenFinal, SeenSubmission, SeenUser } from './observations';

/** Each rule of the checker reports an observation that violates it, and accepts one that does not. */

const OBSERVERS = ['client 1', 'HTTP', 'Elasticsearch'];
const seen = (observer: string, status = 'tests_failed', reason = 'failed'): SeenFinal => ({
  ...{ observer, status, reason },
});

const frames = [
  { type: 'accepted', cursor: '1.0' },
  { type: 'stage', stage: 'run_tests', state: 'started', cursor: '5.0' },
  { type: 'output', step: 'run', stream: 'stdout', offset: 0, bytes: 4, cursor: '5.a.4.0' },
  { type: 'output', step: 'run', stream: 'stdout', offset: 4, bytes: 2, cursor: '5.a.6.0' },
  { status: 'tests_failed', cursor: '9.0' },
];

const submission: SeenSubmission = {
  ...{ id: 's', user: 'u', kind: 'fails', truth: { passes: false, reason: 'failed' } },
  acceptedAt: '2026-01-01T00:00:00Z',
  cancelAsked: false,
  finals: OBSERVERS.map((observer) => seen(observer)),
  observers: OBSERVERS,
  followed: [frames],
  replayed: frames,
  complaints: [],
  executions: [{ unit: 'run', times: 1 }],
  migrations: 0,
  testStages: 1,
  toldExecutedAgain: false,
  executionLost: false,
};

const user: SeenUser = {
  user: 'u',
  deploys: [
    { submissionId: 'new', acceptedAt: '2026-01-01T00:00:02Z' },
    { submissionId: 'old', acceptedAt: '2026-01-01T00:00:01Z' },
  ],
  productionLost: false,
  live: 'new',
  current: 'new',
  answer: 'new',
  expectedAnswer: 'new',
};

const good: Observations = {
  submissions: [submission],
  users: [user],
  actions: { expected: ['w:r:0', 'w:r:1'], stored: ['w:r:0', 'w:r:1'], different: [], rejected: 0 },
  leftovers: [],
  unknownWorkflows: [],
};

const withSubmission = (change: Partial<SeenSubmission>): Observations => ({
  ...good,
  submissions: [{ ...submission, ...change }],
});
const withUser = (change: Partial<SeenUser>): Observations => ({ ...good, users: [{ ...user, ...change }] });
const withActions = (change: Partial<Observations['actions']>): Observations => ({
  ...good,
  actions: { ...good.actions, ...change },
});
const passes = { passes: true, worksInProduction: true } as const;
const finalsOf = (status: string, reason = 'live') =>
  OBSERVERS.map((observer) => seen(observer, status, reason));

test('what is as promised has no violations', () => {
  expect(check(good)).toEqual([]);
});

test.each<[string, Observations, string]>([
  [
    'a submission that Temporal does not know',
    withSubmission({ acceptedAt: null }),
    'Temporal does not know it',
  ],
  [
    'an observer that has no final status',
    withSubmission({ finals: submission.finals.slice(1) }),
    'client 1 has no final status',
  ],
  [
    'observers that differ',
    withSubmission({ finals: [seen('client 1'), seen('HTTP', 'internal_error'), seen('Elasticsearch')] }),
    'observers differ: client 1 says tests_failed/failed, HTTP says internal_error/failed',
  ],
  [
    'final frames that differ',
    withSubmission({
      finals: submission.finals.map((final, place) => ({ ...final, whole: `${place % 2}` })),
    }),
    'final frames differ',
  ],
  [
    'two final frames',
    withSubmission({ followed: [[...frames, { status: 'tests_failed', cursor: '9.1' }]] }),
    'more than one final frame',
  ],
  ['a workflow that nobody sent', { ...good, unknownWorkflows: ['w'] }, 'nobody sent the workflow w'],
  [
    'a fault of the platform that is told as one of the program',
    withSubmission({ truth: passes }),
    'fails of u ended as tests_failed/failed',
  ],
  [
    'a failing program that is deployed',
    withSubmission({ finals: finalsOf('deployed') }),
    'ended as deployed/live',
  ],
  [
    'a program that cannot work in production and is live',
    withSubmission({ finals: finalsOf('deployed'), truth: { ...passes, worksInProduction: false } }),
    'ended as deployed/live',
  ],
  [
    'a failure of the platform',
    withSubmission({ finals: finalsOf('internal_error', 'Unavailable'), truth: passes }),
    'ended as internal_error/Unavailable',
  ],
  [
    'a cancellation that nobody asked for',
    withSubmission({ finals: finalsOf('cancelled', 'cancelled') }),
    'ended as cancelled/cancelled',
  ],
  [
    'a second execution that nothing tells of',
    withSubmission({ executions: [{ unit: 'run', times: 2 }], executionLost: true }),
    'run was executed 2 times in 1 stages, and nothing says so',
  ],
  [
    'a second execution that no fault asked for',
    withSubmission({ executions: [{ unit: 'run', times: 2 }], toldExecutedAgain: true }),
    'run was executed 2 times, and no fault asked for it',
  ],
  [
    'a second execution that is told and was none',
    withSubmission({ toldExecutedAgain: true }),
    'no fault can have lost an execution',
  ],
  ['a migration that ran twice', withSubmission({ migrations: 2 }), 'its migration was executed 2 times'],
  [
    'tests that never ran',
    withSubmission({ executions: [{ unit: 'run', times: 0 }] }),
    'run was never executed',
  ],
  [
    'a frame that came twice',
    withSubmission({ followed: [[...frames.slice(0, 2), ...frames.slice(1)]] }),
    'client 1: the frame 5.0 came twice',
  ],
  [
    'output that is missing',
    withSubmission({ followed: [frames.filter(({ cursor }) => cursor !== '5.a.4.0')] }),
    'client 1: run stdout goes on at 4, and 0 was due',
  ],
  [
    'a frame that was not told live',
    withSubmission({ followed: [frames.filter(({ cursor }) => cursor !== '5.0')] }),
    'client 1: it got 2 frames and 3 come afterwards',
  ],
  ['a submission that cannot be followed any more', withSubmission({ replayed: null }), 'cannot be followed'],
  ['a complaint of a client', withSubmission({ complaints: ['was refused'] }), 'was refused'],
  ['an older program that is live', withUser({ live: 'old' }), 'live is old, and new was the last'],
  ['a program that is lost', withUser({ live: null, current: null }), 'live is null, and new was the last'],
  ['another program that is specified', withUser({ current: 'old' }), 'new is live, and old is specified'],
  ['another program that answers', withUser({ answer: 'old' }), 'old answers, and new should'],
  ['an action that is missing', withActions({ stored: ['w:r:0'] }), '1 documents are missing: w:r:1'],
  [
    'an action that is there twice',
    withActions({ stored: ['w:r:0', 'w:r:1', 'w:r:1'] }),
    '1 documents are there more than once: w:r:1',
  ],
  ['a document of no action', withActions({ expected: ['w:r:0'] }), '1 documents are of no action: w:r:1'],
  [
    'a document that says something else',
    withActions({ different: ['w:r:0'] }),
    '1 documents say something else',
  ],
  ['a document that was rejected', withActions({ rejected: 1 }), '1 documents were rejected'],
  ['something left over', { ...good, leftovers: ['a pod'] }, 'a pod'],
])('%s is found', (_, observations, text) => {
  const texts = check(observations).map((violation) => violation.text);
  expect(texts).toContainEqual(expect.stringContaining(text));
});

test('what a fault explains is no violation', () => {
  expect(check(withUser({ live: null, current: null, productionLost: true, expectedAnswer: null }))).toEqual(
    [],
  );
  const again = { executions: [{ unit: 'run', times: 2 }], toldExecutedAgain: true, executionLost: true };
  expect(check(withSubmission(again))).toEqual([]);
  expect(check(withSubmission({ ...again, toldExecutedAgain: false, testStages: 2 }))).toEqual([]);
});

test('output begins anew when the tests are executed again', () => {
  const [accepted, started, first, second, final] = frames;
  const anew = { type: 'stage', stage: 'run_tests', state: 'executed_again', cursor: '5.1' };
  const followed = [
    accepted!,
    started!,
    first!,
    anew,
    { ...first!, cursor: '5.b.4.0' },
    { ...second!, cursor: '5.b.6.0' },
    final!,
  ];
  expect(check(withSubmission({ followed: [followed] }))).toEqual([]);
});

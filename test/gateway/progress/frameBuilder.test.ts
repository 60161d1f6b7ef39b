import { defaultPayloadConverter } from '@temporalio/common';
import { FrameBuilder } from '../../../gateway/progress/frameBuilder';
import type { HistoryEvent } from '../../../workflows/history/events';
import { PendingReader } from '../../../gateway/progress/pendingActivities';
import { serverFrame } from '../../../gateway/protocol/serverFrames';
import type { Verdict } from '../../../workflows/contract';
import {
  announced,
  claimedTurn,
  completed,
  failed,
  gotTurn,
  history,
  input,
  report,
  scheduled,
  started,
  startedWith,
  submission,
  taken,
  uninteresting,
  verdict,
} from './histories';

function framesOf(events: HistoryEvent[]) {
  const reader = new FrameBuilder(submission);
  const frames = events.flatMap((event) => reader.read(event));
  for (const frame of frames) serverFrame.parse(frame);
  return frames;
}

const passed = history(
  started,
  uninteresting,
  scheduled('runTests'),
  taken(3, 2),
  completed(3, report),
  uninteresting,
  announced(verdict),
);

test('a submission is told from its acceptance to its verdict', () => {
  const at = (second: number) => `2026-01-01T12:00:0${second}.000Z`;
  const common = { submission_id: 's1' };
  expect(framesOf(passed)).toEqual([
    {
      ...common,
      type: 'accepted',
      cursor: '1.0',
      namespace: 'user-test',
      workflow_id: 'submission-s1',
      run_id: 'run-1',
      at: at(0),
    },
    { ...common, type: 'stage', cursor: '3.0', stage: 'run_tests', state: 'started', at: at(2) },
    {
      ...common,
      ...{ type: 'output', cursor: '3.e1.6.0', step: 'run', stream: 'stdout', offset: 0 },
      ...{ bytes: 6, text: 'Hello\n' },
    },
    {
      ...common,
      type: 'stage',
      cursor: '5.0',
      stage: 'run_tests',
      state: 'completed',
      at: at(4),
      attempt: 2,
      duration_ms: 2000,
    },
    { ...common, type: 'step', cursor: '5.1', step: 'syntax', state: 'passed' },
    {
      ...common,
      ...{ type: 'step', cursor: '5.2', step: 'run', state: 'passed' },
      ...{ duration_ms: 12, cpu_ms: 9, peak_memory_bytes: 9_000_000 },
    },
    {
      ...common,
      status: 'deployed',
      namespace: 'user-test',
      cursor: '7.0',
      reason: 'live',
      migration: null,
      rollout: null,
      superseded_by: null,
      live: { submission_id: 's1', code_digest: 'd1' },
      message: 'The program is in production.',
      exit_code: 0,
      signal: null,
      serving: false,
      error: null,
      tests: null,
      wall_ms: 12,
      cpu_ms: 9,
      peak_memory_bytes: 9_000_000,
      sandbox: null,
      url: null,
      stdout: 'Hello\n',
      stderr: '',
      stdout_bytes: 6,
      stderr_bytes: 0,
      durations_ms: { run_tests: 2000, total: 6000 },
      workflow_id: 'submission-s1',
      run_id: 'run-1',
    },
  ]);
});

test('status and namespace are the first two keys of the final frame, and it alone has a status', () => {
  const frames = framesOf(passed);
  expect(Object.keys(frames.at(-1) ?? {}).slice(0, 2)).toEqual(['status', 'namespace']);
  expect(frames.at(-1)).not.toHaveProperty('type');
  for (const frame of frames.slice(0, -1)) {
    expect(frame).toHaveProperty('type');
    expect(frame).not.toHaveProperty('status');
  }
});

test.each([
  ['deployed', 'http://test.apps.localhost/'],
  ['tests_failed', null],
] as const)('the final frame of a submission that is %s has the URL %s', (status, expected) => {
  const reader = new FrameBuilder(submission, null, (userId) => `http://${userId}.apps.localhost/`);
  const [frame] = history(started, announced({ ...verdict, status }))
    .flatMap((event) => reader.read(event))
    .slice(-1);
  expect(frame).toMatchObject({ status, url: expected });
});

test('cursors are unique and the same for every reader', () => {
  const cursors = framesOf(passed).map((frame) => frame.cursor);
  expect(new Set(cursors).size).toBe(cursors.length);
  expect(framesOf(passed).map((frame) => frame.cursor)).toEqual(cursors);
});

test('a stage that fails says why, in the words of the innermost cause', () => {
  const frames = framesOf(history(started, scheduled('runTests'), failed(2, 'the pod is gone')));
  expect(frames.at(-1)).toMatchObject({ state: 'failed', message: 'the pod is gone', duration_ms: 1000 });
});

test('a stage that is gone through twice counts with both times', () => {
  const frames = framesOf(
    history(
      started,
      scheduled('runTests'),
      failed(2, 'no pod'),
      scheduled('runTests'),
      completed(4, report),
      announced(verdict),
    ),
  );
  expect(frames.at(-1)).toMatchObject({ durations_ms: { run_tests: 2000, total: 5000 } });
});

test.each(['runTests', 'prepareTestDatabase'])(
  'a missing environment defers %s, is prepared, and nothing is told as failed',
  (activity) => {
    const reason = 'Could not exec into test-test in user-test: it does not exist';
    const deferred = { deferred: reason, steps: [], tests: [], executedAgain: false };
    const frames = framesOf(
      history(
        started,
        scheduled(activity),
        completed(2, deferred),
        scheduled('prepareEnvironment'),
        completed(4, {}),
        scheduled('runTests'),
        completed(6, report),
        announced(verdict),
      ),
    );
    const stages = frames.flatMap((frame) =>
      'type' in frame && frame.type === 'stage' ? `${frame.stage} ${frame.state}` : [],
    );
    const stage = activity === 'runTests' ? 'run_tests' : 'prepare_test_database';
    expect(stages).toEqual([
      ...[`${stage} started`, `${stage} deferred`],
      ...['prepare_environment started', 'prepare_environment completed'],
      ...['run_tests started', 'run_tests completed'],
    ]);
    expect(frames[2]).toMatchObject({ message: expect.stringContaining('being prepared first') as string });
    expect(frames.filter((frame) => 'type' in frame && frame.type === 'step')).toHaveLength(2);
  },
);

test('the wait for its turn is a stage, told once however often it is claimed and given', () => {
  const frames = framesOf(history(started, claimedTurn, claimedTurn, gotTurn, gotTurn, announced(verdict)));
  expect(frames).toMatchObject([
    { type: 'accepted' },
    { stage: 'await_turn', state: 'started', cursor: '2.0' },
    { stage: 'await_turn', state: 'completed', cursor: '4.0', duration_ms: 2_000 },
    { status: 'deployed', durations_ms: { await_turn: 2_000 } },
  ]);
});

test('what superseded a submission, and how its migration went, stand in the final frame', () => {
  const migration = {
    outcome: 'passed' as const,
    exitCode: 0,
    message: null,
    events: [],
    logs: 'done\n',
    live: null,
  };
  const rollout = {
    ...{ outcome: 'failed' as const, reason: 'crash_loop', message: 'It crashed.' },
    ...{ events: ['Warning BackOff'], logs: 'oh no\n' },
  };
  const ending: Verdict = { ...verdict, status: 'superseded', supersededBy: 's2', migration, rollout };
  expect(framesOf(history(started, announced(ending))).at(-1)).toMatchObject({
    superseded_by: 's2',
    migration: { outcome: 'passed', exit_code: 0, output: 'done\n' },
    rollout: { outcome: 'failed', events: ['Warning BackOff'], output: 'oh no\n' },
  });
});

test('a submission that was only tested ends as tests_passed, with the outcome of its tests', () => {
  const ending: Verdict = { ...verdict, status: 'tests_passed', reason: 'passed', live: null };
  const asked = startedWith({ ...input, deploy: false });
  const frames = framesOf(history(asked, scheduled('runTests'), completed(2, report), announced(ending)));
  expect(frames.at(-1)).toMatchObject({
    ...{ status: 'tests_passed', reason: 'passed', rollout: null, live: null, stdout: 'Hello\n' },
    durations_ms: { run_tests: 1_000 },
  });
});

test('how a rollout ended is told', () => {
  const rollout = { outcome: 'failed', reason: 'crash_loop', message: 'It crashed.', events: [], logs: 'x' };
  const frames = framesOf(history(started, scheduled('awaitRollout'), completed(2, rollout)));
  expect(frames.at(-1)).toEqual({
    type: 'rollout',
    submission_id: 's1',
    cursor: '3.1',
    outcome: 'failed',
    reason: 'crash_loop',
    message: 'It crashed.',
  });
});

test('activities that this gateway does not know are passed over', () => {
  const events = history(
    started,
    scheduled('toString'),
    completed(2, {}),
    scheduled('later'),
    failed(4, 'x'),
  );
  expect(framesOf(events)).toHaveLength(1);
});

test.each([
  [
    'fails',
    {
      workflowExecutionFailedEventAttributes: {
        failure: { message: 'no rights', applicationFailureInfo: { type: 'Rejected' } },
      },
    },
    { status: 'internal_error', reason: 'Rejected', message: 'no rights' },
  ],
  [
    'times out',
    { workflowExecutionTimedOutEventAttributes: {} },
    { status: 'internal_error', reason: 'timed_out' },
  ],
  [
    'is terminated',
    { workflowExecutionTerminatedEventAttributes: { reason: 'maintenance' } },
    { status: 'internal_error', message: 'An operator ended the submission: maintenance.' },
  ],
  [
    'is cancelled',
    { workflowExecutionCanceledEventAttributes: {} },
    { status: 'cancelled', reason: 'cancelled' },
  ],
  [
    'completes without a verdict',
    { workflowExecutionCompletedEventAttributes: {} },
    { status: 'internal_error', reason: 'no_verdict' },
  ],
])('a workflow that %s before its verdict has a final frame all the same', (_how, event, expected) => {
  const frames = framesOf(history(started, event));
  expect(frames.at(-1)).toMatchObject({ ...expected, namespace: 'user-test', stdout: null, exit_code: null });
});

test('each new attempt of a pending activity is told once, with why the one before it failed', () => {
  const reader = new PendingReader(submission);
  const pending = (attempt: number) => [
    { activityId: '1', activityType: { name: 'runTests' }, attempt, lastFailure: { message: 'no pod' } },
  ];
  const now = new Date('2026-01-01T12:00:00Z');
  expect(reader.read(pending(1), now)).toEqual([]);
  const [frame] = reader.read(pending(3), now);
  expect(frame).toEqual({
    type: 'stage',
    submission_id: 's1',
    stage: 'run_tests',
    state: 'retrying',
    at: '2026-01-01T12:00:00.000Z',
    attempt: 3,
    message: 'no pod',
  });
  expect(serverFrame.safeParse(frame).success).toBe(true);
  expect(reader.read(pending(3), now)).toEqual([]);
});

test('the place of a run in the queue of its pod is told when it changes', () => {
  const reader = new PendingReader(submission);
  const queued = (position?: number) => [
    {
      activityId: '1',
      activityType: { name: 'runTests' },
      heartbeatDetails: { payloads: [defaultPayloadConverter.toPayload({ current: { position } })] },
    },
  ];
  const told = (position?: number) => reader.read(queued(position), new Date('2026-01-01T12:00:00Z'));
  expect(told(2)).toMatchObject([{ stage: 'run_tests', state: 'queued', position: 2 }]);
  expect(told(2)).toEqual([]);
  expect(told(1)).toMatchObject([{ state: 'queued', position: 1 }]);
  expect(told()).toEqual([]);
});

test('tests that wait for their turn are queued, begin when it comes, and took as long as all of it', () => {
  const frames = framesOf(
    history(
      started,
      scheduled('runTests'),
      failed(2, 'its turn did not come', 'TestPodBusy'),
      uninteresting,
      scheduled('runTests'),
      taken(5),
      completed(5, report),
    ),
  );
  const stages = frames.filter((frame) => 'type' in frame && frame.type === 'stage');
  expect(stages).toMatchObject([
    { stage: 'run_tests', state: 'started', cursor: '2.0' },
    { stage: 'run_tests', state: 'queued', cursor: '3.0' },
    { stage: 'run_tests', state: 'started', cursor: '5.0' },
    { stage: 'run_tests', state: 'completed', duration_ms: 5_000 },
  ]);
  for (const frame of stages) expect(serverFrame.safeParse(frame).success).toBe(true);
});

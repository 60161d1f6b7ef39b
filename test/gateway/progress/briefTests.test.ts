import { FrameBuilder } from '../../../gateway/progress/frameBuilder';
import { serverFrame } from '../../../gateway/protocol/serverFrames';
import type { HistoryEvent } from '../../../workflows/history/events';
import type { SubmitCodeInput } from '../../../workflows/contract';
import {
  announced,
  completed,
  failed,
  history,
  input,
  localActivity,
  report,
  scheduled,
  started,
  startedWith,
  submission,
  taskStarted,
  uninteresting,
  verdict,
} from './histories';

/** Tests that begin as a local activity, in the first workflow task. */

const unfinished = { unfinished: { since: 1, executions: { run: 'e1' }, executedAgain: false, over: true } };

function read(events: HistoryEvent[]) {
  const builder = new FrameBuilder(submission);
  const frames = events.flatMap((event) => builder.read(event));
  for (const frame of frames) serverFrame.parse(frame);
  return {
    stages: frames.flatMap((frame) =>
      'stage' in frame ? [`${frame.cursor} ${frame.stage} ${frame.state}`] : [],
    ),
    kinds: frames.map((frame) => ('status' in frame ? 'final' : `${frame.type} ${frame.cursor}`)),
    final: frames.find((frame) => 'status' in frame),
  };
}

test('brief tests begin with the first workflow task, and end with the marker of their local activity', () => {
  const { kinds, final } = read(
    history(
      ...[started, uninteresting, taskStarted, uninteresting],
      ...[localActivity('runBriefTests', report), announced(verdict)],
    ),
  );
  expect(kinds).toEqual([
    'accepted 1.0',
    'stage 3.0',
    'output 3.e1.6.0',
    'stage 5.0',
    'step 5.1',
    'step 5.2',
    'final',
  ]);
  expect(final).toMatchObject({ durations_ms: { run_tests: 2_000, total: 5_000 }, wall_ms: 12 });
});

test('output can be followed live before the workflow task ends', () => {
  const builder = new FrameBuilder(submission);
  for (const event of history(started, uninteresting, taskStarted)) builder.read(event);
  expect(builder.pendingTests).toMatchObject({ event: 3, scheduledAt: Date.UTC(2026, 0, 1, 12, 0, 2) });
});

test('tests that go on as an activity are one stage, and output keeps its place', () => {
  const goesOn = history(
    ...[started, uninteresting, taskStarted, uninteresting, localActivity('runBriefTests', unfinished)],
    ...[scheduled('runTests'), completed(6, report), announced(verdict)],
  );
  const { stages, kinds } = read(goesOn);
  expect(stages).toEqual(['3.0 run_tests started', '7.0 run_tests completed']);
  expect(kinds).toContain('output 3.e1.6.0');
  const followed = new FrameBuilder(submission);
  for (const event of goesOn.slice(0, 6)) followed.read(event);
  expect(followed.pendingTests?.event).toBe(3);
  expect(followed.isPending).toBe(true);
});

test('tests that wait for their turn after that are queued, and start again', () => {
  expect(
    read(
      history(
        ...[started, uninteresting, taskStarted, uninteresting, localActivity('runBriefTests', unfinished)],
        ...[scheduled('runTests'), failed(6, 'others first', 'TestPodBusy'), scheduled('runTests')],
        ...[completed(8, report), announced(verdict)],
      ),
    ).stages,
  ).toEqual([
    '3.0 run_tests started',
    '7.0 run_tests queued',
    '8.0 run_tests started',
    '9.0 run_tests completed',
  ]);
});

test('a local activity that failed changes nothing: the activity goes on', () => {
  expect(
    read(
      history(
        ...[started, uninteresting, taskStarted, uninteresting, localActivity('runBriefTests')],
        ...[scheduled('runTests'), completed(6, report), announced(verdict)],
      ),
    ).stages,
  ).toEqual(['3.0 run_tests started', '7.0 run_tests completed']);
});

test('tests that find no environment are deferred until it is prepared', () => {
  const deferred = { deferred: 'no pod', steps: [], tests: [], executedAgain: false };
  expect(
    read(
      history(
        ...[started, uninteresting, taskStarted, uninteresting, localActivity('runBriefTests', deferred)],
        ...[scheduled('prepareEnvironment'), completed(6, {}), scheduled('runTests'), completed(8, report)],
        announced(verdict),
      ),
    ).stages,
  ).toEqual([
    '3.0 run_tests started',
    '5.0 run_tests deferred',
    '6.0 prepare_environment started',
    '7.0 prepare_environment completed',
    '8.0 run_tests started',
    '9.0 run_tests completed',
  ]);
});

test('a lost workflow task does not start the stage twice', () => {
  expect(
    read(
      history(
        ...[started, uninteresting, taskStarted, { workflowTaskTimedOutEventAttributes: {} }],
        ...[uninteresting, taskStarted, uninteresting, localActivity('runBriefTests', report)],
        announced(verdict),
      ),
    ).stages,
  ).toEqual(['3.0 run_tests started', '8.0 run_tests completed']);
});

test('a workflow of an older worker begins its tests by the activity: one stage, too', () => {
  expect(
    read(
      history(
        ...[started, uninteresting, taskStarted, uninteresting, scheduled('runTests'), completed(5, report)],
        announced(verdict),
      ),
    ).stages,
  ).toEqual(['3.0 run_tests started', '6.0 run_tests completed']);
});

test.each<[string, Partial<SubmitCodeInput>]>([
  ['a test database', { testDatabase: true }],
  ['live input', { input: { ...input.input, interactive: true } }],
  ['requirements', { program: { ...input.program, requirements: ['six'] } }],
  ['a program that keeps running', { production: { kind: 'worker' } }],
])('tests with %s begin with their activity', (_, asked) => {
  const { stages } = read(
    history(
      startedWith({ ...input, ...asked }),
      uninteresting,
      taskStarted,
      uninteresting,
      scheduled('runTests'),
    ),
  );
  expect(stages).toEqual(['5.0 run_tests started']);
});

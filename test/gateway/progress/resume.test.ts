import { parseCursor } from '../../../gateway/protocol/cursor';
import { FrameBuilder } from '../../../gateway/progress/frameBuilder';
import type { HistoryEvent } from '../../../workflows/history/events';
import { MAX_CHUNK_BYTES } from '../../../gateway/progress/chunks';
import type { LiveChunk } from '../../../gateway/progress/outputEmitter';
import { serverFrame, type OutputFrame, type SubmissionFrame } from '../../../gateway/protocol/serverFrames';
import type { TestReport } from '../../../workflows/contract';
import {
  announced,
  completed,
  failed,
  history,
  input,
  printed,
  scheduled,
  startedWith,
  stepReport,
  submission,
  verdictOf,
} from './histories';

/** A client that resumes after any frame receives each of the remaining frames once, from any gateway. */

const LONG = 'é'.repeat(MAX_CHUNK_BYTES);
const HEAD = 'the first lines\n';
const TAIL = 'the last lines\n';
const MARK = '\n[... 900 bytes left out ...]\n';

const report: TestReport = {
  outcome: 'tests_failed',
  executedAgain: true,
  steps: [
    stepReport({ step: 'install', executionId: 'a1', stdout: printed('installed\n') }),
    stepReport({
      step: 'run',
      executionId: 'b2',
      stdout: printed(LONG),
      stderr: {
        ...{ text: HEAD + MARK + TAIL, bytes: HEAD.length + 900 + TAIL.length, truncated: true },
        gap: { end: HEAD.length, start: HEAD.length + MARK.length },
      },
    }),
    stepReport({
      ...{ step: 'tests', executionId: 'c3', outcome: 'failed', exitCode: 1 },
      stdout: { text: 'a\ufffd', bytes: 2, truncated: false, base64: { head: 'Yf8=', tail: '' } },
    }),
  ],
  tests: [
    { name: 'test_one', outcome: 'passed', durationMs: 1, message: null },
    { name: 'test_two', outcome: 'failed', durationMs: 2, message: 'assert 1 == 2' },
  ],
};

const asked = {
  ...input,
  program: { ...input.program, requirements: ['requests'] },
  tests: { kind: 'framework' as const, framework: 'pytest', files: { 'test_main.py': '' } },
};

const recorded = history(
  startedWith(asked),
  scheduled('runTests'),
  failed(2, 'no pod'),
  scheduled('prepareEnvironment'),
  completed(4, {}),
  scheduled('runTests'),
  completed(6, report),
  announced(verdictOf(report)),
);

function framesAfter(cursor: string | undefined, events: HistoryEvent[] = recorded): SubmissionFrame[] {
  const reader = new FrameBuilder(submission, cursor === undefined ? null : parseCursor(cursor));
  const frames = events.flatMap((event) => reader.read(event));
  for (const frame of frames) serverFrame.parse(frame);
  return frames;
}

const all = framesAfter(undefined);
const outputs = (frames: SubmissionFrame[]) =>
  frames.filter((frame): frame is OutputFrame => 'type' in frame && frame.type === 'output');

/** The bytes of one stream, with `?` for each omitted byte. */
function textOf(frames: SubmissionFrame[], step: string, stream: string): string {
  return outputs(frames)
    .filter((frame) => frame.step === step && frame.stream === stream)
    .map(
      (frame) =>
        frame.text ||
        Buffer.from(frame.data ?? '', 'base64').toString('latin1') ||
        `?${frame.omitted_bytes}?`,
    )
    .join('');
}

test('the recorded submission has frames of every kind', () => {
  expect(all.map((frame) => ('type' in frame ? frame.type : frame.status))).toEqual([
    ...['accepted', 'stage', 'stage', 'stage', 'stage', 'stage'],
    ...['stage', 'output', 'output', 'output', 'output', 'output', 'output', 'output'],
    ...['stage', 'step', 'step', 'step', 'step', 'test', 'test', 'deployed'],
  ]);
  expect(all[6]).toMatchObject({ state: 'executed_again', cursor: '6.a1.0.0' });
  expect(textOf(all, 'install', 'stdout')).toBe('installed\n');
  expect(textOf(all, 'run', 'stdout')).toBe(LONG);
  expect(textOf(all, 'run', 'stderr')).toBe(`${HEAD}?900?${TAIL}`);
  expect(textOf(all, 'tests', 'stdout')).toBe('a\xff');
  expect(all.at(-1)).toMatchObject({ tests: { total: 2, passed: 1 } });
  expect(all.filter((frame) => 'type' in frame && frame.type === 'step')).toMatchObject([
    { step: 'install', state: 'passed', executed_again: true },
    { step: 'syntax', state: 'passed' },
    { step: 'run', state: 'passed' },
    { step: 'tests', state: 'failed', duration_ms: 12 },
  ]);
});

test('after every cursor come the frames that follow it, and no other', () => {
  all.forEach((frame, index) => expect(framesAfter(frame.cursor)).toEqual(all.slice(index + 1)));
});

test('cursors are unique', () => {
  expect(new Set(all.map(({ cursor }) => cursor)).size).toBe(all.length);
});

describe('output that was told live', () => {
  const now = new Date('2026-01-01T12:00:05.500Z');
  const piece = (execution: string, step: string, offset: number, text: string, again = false): LiveChunk => {
    return { execution, step, again, stream: 'stdout', offset, data: Buffer.from(text) };
  };

  function liveThen(pieces: LiveChunk[]): { live: SubmissionFrame[]; rest: SubmissionFrame[] } {
    const reader = new FrameBuilder(submission, null);
    for (const event of recorded.slice(0, 6)) reader.read(event);
    const live = pieces.flatMap((each) => reader.live(6, each, now));
    return { live, rest: recorded.slice(6).flatMap((event) => reader.read(event)) };
  }

  test('is not told again, neither here nor on the gateway where the client resumes', () => {
    const { live, rest } = liveThen([
      piece('a1', 'install', 0, 'installed\n'),
      piece('b2', 'run', 0, 'éé'),
      piece('b2', 'run', 4, 'é'),
    ]);
    expect(live.map(({ cursor }) => cursor)).toEqual(['6.a1.10.0', '6.b2.4.0', '6.b2.6.0']);
    expect(textOf([...live, ...rest], 'install', 'stdout')).toBe('installed\n');
    expect(textOf([...live, ...rest], 'run', 'stdout')).toBe(LONG);
    live.forEach((frame, index) => {
      const after = [...live.slice(0, index + 1), ...framesAfter(frame.cursor)];
      expect(textOf(after, 'install', 'stdout')).toBe('installed\n');
      expect(textOf(after, 'run', 'stdout')).toBe(LONG);
      expect(textOf(after, 'tests', 'stdout')).toBe('a\xff');
    });
  });

  test('leaves to the report what does not follow on what was told', () => {
    const { live, rest } = liveThen([piece('b2', 'run', 0, 'éé'), piece('b2', 'run', 8, 'é')]);
    expect(live).toHaveLength(1);
    expect(textOf([...live, ...rest], 'run', 'stdout')).toBe(LONG);
  });

  test('of an execution whose pod is gone is told from the beginning of the next one', () => {
    const { live, rest } = liveThen([piece('old', 'run', 0, 'lost'), piece('b2', 'run', 0, 'éé', true)]);
    expect(live).toMatchObject([
      { type: 'output', text: 'lost' },
      { type: 'stage', stage: 'run_tests', state: 'executed_again', cursor: '6.b2.0.0' },
      { type: 'output', text: 'éé', offset: 0 },
    ]);
    expect(textOf([...live.slice(1), ...rest], 'run', 'stdout')).toBe(LONG);
    const resumed = framesAfter('6.old.4.0');
    expect(resumed[0]).toMatchObject({ state: 'executed_again' });
    expect(textOf(resumed, 'run', 'stdout')).toBe(LONG);
  });

  test('beyond what the report keeps of the beginning leaves the end', () => {
    const { executionId } = stepReport({});
    const kept = {
      ...{ text: `head${MARK}tail`, bytes: 1_000, truncated: true },
      gap: { end: 4, start: 4 + MARK.length },
    };
    const long = { ...report, executedAgain: false, steps: [stepReport({ stdout: kept })] };
    const events = history(startedWith(asked), scheduled('runTests'), completed(2, long));
    const after = (bytes: number) => outputs(framesAfter(`2.${executionId}.${bytes}.0`, events));
    expect(after(200)).toMatchObject([
      { offset: 200, bytes: 0, omitted_bytes: 796 },
      { offset: 996, text: 'tail' },
    ]);
    expect(after(998)).toMatchObject([{ offset: 998, text: 'il' }]);
    expect(after(1_000)).toEqual([]);
  });

  test('comes no more when the tests are over', () => {
    const reader = new FrameBuilder(submission, null);
    for (const event of recorded.slice(0, 7)) reader.read(event);
    expect(reader.live(6, piece('b2', 'run', 0, 'late'), now)).toEqual([]);
  });
});

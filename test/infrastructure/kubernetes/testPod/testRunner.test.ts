import type { Kube } from '../../../../infrastructure/kubernetes/api/client';
import { loadLanguages } from '../../../../sandbox/languages/languages';
import { createTestRunner } from '../../../../infrastructure/kubernetes/testPod/testRunner';
import { accepted, endOf, FakePod, outputOf } from './fakePod';
import type { Conversation } from './fakePod';

const request = {
  key: 'key-1',
  userId: 'ada',
  submissionId: 'submission-1',
  program: { language: 'python', files: { 'main.py': 'pass' }, entrypoint: 'main.py', requirements: [] },
  command: 'run',
  input: { stdin: '', args: [], env: {} },
  limits: { wallMs: 1_000, memoryBytes: 1 << 28, keepOutputBytes: 100, maxOutputBytes: 1_000 },
};

const languages = loadLanguages();
const runnerOf = (kube: Kube, settings: { silenceMs?: number } = {}) =>
  createTestRunner(kube, { languages, ...settings });

const context = (signal = new AbortController().signal) => ({ signal, heartbeat: jest.fn() });

const answers: Conversation = (say) => [accepted, outputOf('Hello'), endOf('Hello')].forEach(say);

test('a report has what the pod measured and printed', async () => {
  const report = await runnerOf(new FakePod([answers]).kube).run(request, context());
  expect(report).toMatchObject({ outcome: 'passed', exitCode: 0, wallMs: 20, podUid: 'uid-1' });
  expect(report.stdout.text).toBe('Hello');
});

test('a broken stream is opened again, and the run joined where its output ended', async () => {
  const breaks: Conversation = (say, hangUp) => {
    [accepted, outputOf('Hel')].forEach(say);
    hangUp();
  };
  const goesOn: Conversation = (say) => [accepted, outputOf('lo', 3), endOf('Hello')].forEach(say);
  const pod = new FakePod([breaks, goesOn]);
  const report = await runnerOf(pod.kube).run(request, context());
  expect(report.stdout.text).toBe('Hello');
  expect(pod.requests.map(({ op, key, from }) => [op, key, from?.stdout])).toEqual([
    ['run', 'key-1', 0],
    ['run', 'key-1', 3],
  ]);
});

/** How a supervisor sends output to a client that asks for `binary`. */
const binaryOf = (text: string, offset = 0) => {
  const { data: _, ...position } = outputOf('', offset);
  return [{ ...position, bytes: text.length }, Buffer.from(text)];
};

test('output may arrive as bytes after a frame; what a broken stream cut is sent again', async () => {
  const [header, bytes] = binaryOf('lo', 3) as [object, Buffer];
  const breaks: Conversation = (say, hangUp) => {
    [accepted, ...binaryOf('Hel'), header, bytes.subarray(0, 1)].forEach(say);
    hangUp();
  };
  const goesOn: Conversation = (say) => [accepted, ...binaryOf('lo', 3), endOf('Hello')].forEach(say);
  const pod = new FakePod([breaks, goesOn]);
  const report = await runnerOf(pod.kube).run(request, context());
  expect(report.stdout.text).toBe('Hello');
  expect(pod.requests.map(({ binary, from }) => [binary, from?.stdout])).toEqual([
    [true, 0],
    [true, 3],
  ]);
});

test.each(['bytes', 'base64'])('truncated output is read as %s', async (encoding) => {
  const read: Conversation = (say) =>
    [
      ...(encoding === 'bytes' ? binaryOf('middle', 9) : [outputOf('middle', 9)]),
      { type: 'read', to: 15 },
    ].forEach(say);
  const pod = new FakePod([read]);
  const range = { key: 'key-1', stream: 'stdout', start: 9, end: 15 } as const;
  expect(Buffer.from(await runnerOf(pod.kube).read('ada', range)).toString()).toBe('middle');
  expect(pod.requests).toMatchObject([{ op: 'read', binary: true }]);
});

test('output that does not match its end record is no result: it is asked for again', async () => {
  const loses: Conversation = (say) => [accepted, outputOf('Hel'), endOf('Hello')].forEach(say);
  const goesOn: Conversation = (say) => [accepted, outputOf('lo', 3), endOf('Hello')].forEach(say);
  const report = await runnerOf(new FakePod([loses, goesOn]).kube).run(request, context());
  expect(report.stdout.text).toBe('Hello');
});

test('a run whose requirements are gone is left to the next attempt, which installs them', async () => {
  const lost: Conversation = (say) =>
    say({ type: 'error', code: 'layer_missing', message: 'the requirements are not installed here: six' });
  const pod = new FakePod([lost]);
  await expect(runnerOf(pod.kube).run(request, context())).rejects.toMatchObject({
    name: 'Unavailable',
    reason: 'layer_missing',
  });
  expect(pod.requests).toHaveLength(1);
});

test('only an installation is told where packages come from', async () => {
  const pod = new FakePod([answers, answers]);
  const runner = createTestRunner(pod.kube, { languages, packageIndexUrl: 'http://u:p@index/simple' });
  await runner.run(request, context());
  await runner.run({ ...request, key: 'key-2', command: 'install' }, context());
  expect(pod.requests.map((frame) => (frame as { index_url?: string }).index_url)).toEqual([
    undefined,
    'http://u:p@index/simple',
  ]);
});

test('a pod without a supervisor has to be prepared', async () => {
  const pod = new FakePod([]);
  pod.status = { status: 'Failure', details: { causes: [{ reason: 'ExitCode', message: '3' }] } };
  await expect(runnerOf(pod.kube).run(request, context())).rejects.toMatchObject({
    name: 'EnvironmentMissing',
  });
});

test.each([
  ['is gone', null],
  ['is being deleted', { metadata: { deletionTimestamp: new Date() }, status: { phase: 'Running' } }],
  ['is not running yet', { status: { phase: 'Pending' } }],
])('a stream that breaks because the pod %s means that it has to be prepared', async (_, state) => {
  const pod = new FakePod([(_say, hangUp) => hangUp()]);
  pod.pod = state;
  await expect(runnerOf(pod.kube).run(request, context())).rejects.toMatchObject({
    name: 'EnvironmentMissing',
  });
});

test('a supervisor that says nothing on a new stream either has to be prepared', async () => {
  const pod = new FakePod([() => undefined, () => undefined]);
  const runner = runnerOf(pod.kube, { silenceMs: 20 });
  await expect(runner.run(request, context())).rejects.toMatchObject({ name: 'EnvironmentMissing' });
  expect(pod.requests).toHaveLength(2);
});

test('a stream that went silent with a server on its way is opened again, and nothing is executed twice', async () => {
  const pod = new FakePod([() => undefined, answers]);
  const report = await runnerOf(pod.kube, { silenceMs: 20 }).run(request, context());
  expect(report).toMatchObject({ outcome: 'passed' });
  expect(pod.requests.map(({ key }) => key)).toEqual(['key-1', 'key-1']);
});

test('a container that restarts in the middle is told before its second execution takes the place of the first', async () => {
  const dies: Conversation = (say, hangUp) => {
    say({ ...accepted, execution: 'e0' });
    hangUp();
  };
  const told = context();
  await runnerOf(new FakePod([dies, answers]).kube).run(request, told);
  expect(told.heartbeat.mock.calls.map(([beat]: [{ executionId?: string }]) => beat.executionId)).toContain(
    'e0',
  );
});

describe('a run in whose middle the container ends for want of memory', () => {
  const dies: Conversation = (say, hangUp) => {
    say({ ...accepted, execution: 'e0', up_ms: 60_000 });
    say(outputOf('as far as it came'));
    hangUp();
  };
  const ended = (finishedAt: Date) => {
    const terminated = { reason: 'OOMKilled', exitCode: 137, finishedAt };
    const runner = { name: 'runner', state: { running: {} }, lastState: { terminated } };
    return { status: { phase: 'Running', containerStatuses: [runner] } } as unknown as FakePod['pod'];
  };

  test('is out of memory, and is not executed again', async () => {
    const pod = new FakePod([dies, answers]);
    pod.pod = ended(new Date());
    const report = await runnerOf(pod.kube).run(request, context());
    expect(report).toMatchObject({ outcome: 'out_of_memory', signal: 'SIGKILL', executionId: 'e0' });
    expect(report.stdout).toMatchObject({ text: 'as far as it came', bytes: 17 });
    expect(pod.requests.map(({ op }) => op)).toEqual(['run']);
  });

  test('is so as well when that is told late, by a supervisor that knows nothing of it', async () => {
    const anew: Conversation = (say, _hangUp, { op }) => {
      if (op === 'run') pod.pod = ended(new Date());
      if (op === 'run') say({ ...accepted, execution: null, state: 'queued', up_ms: 10 });
    };
    const pod = new FakePod([dies, anew]);
    expect(await runnerOf(pod.kube).run(request, context())).toMatchObject({ outcome: 'out_of_memory' });
    await new Promise((resolve) => setImmediate(resolve));
    expect(pod.requests.map(({ op }) => op)).toEqual(['run', 'run', 'cancel']);
  });

  test('is told from one whose container ended so long before it', async () => {
    const pod = new FakePod([dies, answers]);
    pod.pod = ended(new Date(Date.now() - 3_600_000));
    expect(await runnerOf(pod.kube).run(request, context())).toMatchObject({ outcome: 'passed' });
  });
});

test('a pod of another version has to be prepared: it is replaced then', async () => {
  const older: Conversation = (say) => say({ ...accepted, protocol: 1 });
  await expect(runnerOf(new FakePod([older]).kube).run(request, context())).rejects.toMatchObject({
    name: 'EnvironmentMissing',
  });
});

test.each([
  ['invalid', 'Rejected'],
  ['key_taken', 'Rejected'],
])('a refusal with code %s is final', async (code, name) => {
  const refuses: Conversation = (say) => say({ type: 'error', code, message: 'no' });
  await expect(runnerOf(new FakePod([refuses]).kube).run(request, context())).rejects.toMatchObject({
    name,
  });
});

test.each([
  ['brief', { patience_ms: 1_000 }],
  ['in_turn', { in_turn: true }],
  [undefined, {}],
] as const)('a run that waits "%s" says so to the pod', async (wait, members) => {
  const pod = new FakePod([answers]);
  await runnerOf(pod.kube).run({ ...request, ...(wait && { wait }) }, context());
  const { patience_ms, in_turn } = pod.requests[0] as { patience_ms?: number; in_turn?: boolean };
  expect({ ...(patience_ms !== undefined && { patience_ms }), ...(in_turn && { in_turn }) }).toEqual(members);
});

test.each(['busy', 'not_yet'])(
  'a pod that says "%s" sends away a brief run, which is not asked for again',
  async (code) => {
    const refuses: Conversation = (say) => say({ type: 'error', code, message: 'others come first' });
    const pod = new FakePod([refuses, refuses]);
    await expect(runnerOf(pod.kube).run({ ...request, wait: 'brief' }, context())).rejects.toMatchObject({
      name: 'TestPodBusy',
      reason: code,
    });
    expect(pod.requests).toHaveLength(1);
  },
);

test('a run in turn is asked for again when the pod has no place for it', async () => {
  const refusal = { type: 'error', code: 'busy', message: '64 runs wait' };
  const pod = new FakePod([
    (say, hangUp, asked) => (pod.requests.length === 1 ? say(refusal) : answers(say, hangUp, asked)),
  ]);
  const report = await runnerOf(pod.kube).run({ ...request, wait: 'in_turn' }, context());
  expect(report.outcome).toBe('passed');
  expect(pod.requests).toHaveLength(2);
});

describe('an abort', () => {
  function running(reason: string) {
    const abort = new AbortController();
    const pod = new FakePod([
      (say, _hangUp, { op }) => {
        if (op === 'cancel') return say({ type: 'error', code: 'cancelled', message: 'cancelled' });
        say(accepted);
        abort.abort(new Error(reason));
      },
    ]);
    return { pod, work: runnerOf(pod.kube).run(request, context(abort.signal)) };
  }

  test('by cancellation ends the run in the pod', async () => {
    const { pod, work } = running('CANCELLED');
    await expect(work).rejects.toThrow('CANCELLED');
    expect(pod.requests.map(({ op }) => op)).toEqual(['run', 'cancel']);
  });

  test.each(['WORKER_SHUTDOWN', 'TIMED_OUT'])('by %s leaves the run to the next attempt', async (reason) => {
    const { pod, work } = running(reason);
    await expect(work).rejects.toThrow(reason);
    expect(pod.requests.map(({ op }) => op)).toEqual(['run']);
  });
});

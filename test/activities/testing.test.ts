import { runPlan, runPlanOrDefer } from '../../activities/testing';
import type { RunReport, RunRequest } from '../../activities/ports';
import { parseLogLine } from '../../infrastructure/kubernetes/testPod/logLines';
import { pass, platformError } from '../scripted/ports';

const plan = {
  key: 'key',
  userId: 'ada',
  submissionId: 'submission-1',
  program: { language: 'python', files: { 'main.py': '' }, entrypoint: 'main.py', requirements: ['six>=1'] },
  input: { stdin: '', args: [], env: {} },
  tests: null,
  limits: { wallMs: 1_000, memoryBytes: 1, keepOutputBytes: 1, maxOutputBytes: 1 },
};

const context = {
  signal: new AbortController().signal,
  heartbeat: jest.fn(),
  scheduledAt: 1_000,
  previousAttempt: null as { lastHeartbeat?: unknown } | null,
};

const never = () => Promise.reject(new Error('not asked for here'));
const unused = { feed: never, read: never, writeLogLine: () => undefined };

/** Runs a plan; each command gets the answer that the test gives for it. */
async function planned(answers: Record<string, Partial<RunReport>>) {
  const requests: RunRequest[] = [];
  const runner = {
    run: (request: RunRequest) => {
      requests.push(request);
      return Promise.resolve({ ...pass, ...answers[request.command] });
    },
    ...unused,
  };
  return { report: await runPlan(runner, plan, context), requests };
}

test('requirements are installed before the program runs, with time of their own', async () => {
  const { report, requests } = await planned({});
  expect(requests.map(({ key, command, limits }) => [key, command, limits.wallMs])).toEqual([
    ['key/install', 'install', 120_000],
    ['key/run', 'run', 1_000],
  ]);
  expect(report.outcome).toBe('passed');
});

test.each([
  ['brief', ['brief', undefined]],
  ['in_turn', ['in_turn', 'in_turn']],
  [undefined, [undefined, undefined]],
] as const)('tests that wait "%s" do not give up between two steps', async (wait, waits) => {
  const requests: RunRequest[] = [];
  const run = (request: RunRequest) => {
    requests.push(request);
    return Promise.resolve(pass);
  };
  await runPlan({ ...unused, run }, { ...plan, wait }, context);
  expect(requests.map((request) => request.wait)).toEqual(waits);
});

test('what was installed is told in its exact versions', async () => {
  const written = '{"name": "six", "version": "1.17.0"}\n{"name": "x", "version": "2"}\n';
  const { report } = await planned({ install: { report: written } });
  expect(report.installed).toEqual(['six==1.17.0', 'x==2']);
});

test.each(['', '{"name": "six", "version": "1.1', '{"name": "six"}'])(
  'an installer that does not tell what it installed (%j) leaves the requirements as they were asked for',
  async (written) => {
    const { report } = await planned({ install: { report: written } });
    expect(report).not.toHaveProperty('installed');
  },
);

test('requirements that cannot be installed end the tests', async () => {
  const { report, requests } = await planned({ install: { outcome: 'failed', exitCode: 1 } });
  expect(requests).toHaveLength(1);
  expect(report).toMatchObject({ outcome: 'requirements_failed', steps: [{ step: 'install' }] });
});

test('each case is told when it ends, and what the report does not have of them is named', async () => {
  const said: string[] = [];
  const output = (text: string) => ({ text, bytes: text.length, truncated: false });
  let executions = 0;
  const runner = {
    ...unused,
    run: ({ input: { stdin } }: RunRequest) =>
      Promise.resolve({ ...pass, executionId: `e${executions++}`, stdout: output(stdin) }),
    writeLogLine: (_user: string, _submission: string, text: string) => void said.push(text),
  };
  const cases = ['a', 'bb', 'ccc'].map((stdin, index) => {
    return { name: `"${index}"\n\u2028`, stdin, args: [], expectedStdout: index === 1 ? 'x' : stdin };
  });
  const tested = {
    ...plan,
    program: { ...plan.program, requirements: [] },
    tests: { kind: 'cases' as const, cases },
  };
  const report = await runPlan(runner, tested, context);
  expect(said).toEqual([
    'case 1 of 3 passed in 12 ms key=key/case-1 name="\\"0\\"\\n\\u2028"',
    'case 2 of 3 wrong_output in 12 ms key=key/case-2 name="\\"1\\"\\n\\u2028"',
    'case 3 of 3 passed in 12 ms key=key/case-3 name="\\"2\\"\\n\\u2028"',
  ]);
  // The second case decided the verdict: the report contains its output.
  expect(report.unkept).toEqual([
    { key: 'key/case-1', name: 'case-1', executionId: 'e0', stream: 'stdout', start: 0, end: 1 },
    { key: 'key/case-3', name: 'case-3', executionId: 'e2', stream: 'stdout', start: 0, end: 3 },
  ]);
  expect(parseLogLine(`[s] ${said[1]}`)).toEqual({
    ...{ type: 'case', number: 2, total: 3, outcome: 'wrong_output', durationMs: 12 },
    ...{ key: 'key/case-2', name: '"1"\n\u2028' },
  });
});

test('a step that another execution takes over, in the middle of an attempt, is told as executed again', async () => {
  const runner = {
    ...unused,
    run: (_: RunRequest, call: { heartbeat(details?: unknown): void }) => {
      call.heartbeat({ executionId: 'e0' });
      return Promise.resolve({ ...pass, executionId: 'e1' });
    },
  };
  const report = await runPlan(runner, { ...plan, program: { ...plan.program, requirements: [] } }, context);
  expect(report.executedAgain).toBe(true);
});

describe('after an attempt that died, a step that no heartbeat names', () => {
  const oneStep = { ...plan, program: { ...plan.program, requirements: [] } };
  /** @param since when the supervisor started that now executes the step */
  const runnerOf = (since: number) => ({
    ...unused,
    run: (_: RunRequest, call: { onSupervisor?(since: number): void }) => {
      call.onSupervisor?.(since);
      return Promise.resolve({ ...pass, executionId: 'e1' });
    },
  });

  test.each([
    ['may have been executed in the pod before', 1_001, { lastHeartbeat: { executions: {} } }, true],
    ['may have been, when there was no heartbeat either', 1_001, {}, true],
    ['was not, by a supervisor that was there all the time', 999, {}, false],
    [
      'was not, when the attempt could tell all',
      1_001,
      { lastHeartbeat: { executions: {}, over: true } },
      false,
    ],
    ['is not missed, when there is no attempt before', 1_001, null, false],
    ['stays told', 999, { lastHeartbeat: { executions: { run: 'e1' }, executedAgain: true } }, true],
  ])('%s', async (_, since, previousAttempt, again) => {
    const report = await runPlan(runnerOf(since), oneStep, { ...context, previousAttempt });
    expect(report.executedAgain).toBe(again);
  });
});

test('the last word of an attempt that fails has all that it began', async () => {
  const heartbeat = jest.fn();
  const runner = {
    ...unused,
    run: (_: RunRequest, call: { heartbeat(details?: unknown): void }) => {
      call.heartbeat({ executionId: 'e0' });
      return Promise.reject(new Error('lost'));
    },
  };
  await expect(runPlan(runner, plan, { ...context, heartbeat })).rejects.toThrow('lost');
  expect(heartbeat).toHaveBeenLastCalledWith(
    expect.objectContaining({ executions: { install: 'e0' }, over: true }),
  );
});

describe('when the environment is missing', () => {
  const missing = () => Promise.reject(platformError('EnvironmentMissing', 'no pod'));

  test('tests that can be deferred are, as long as nothing was executed', async () => {
    expect(await runPlanOrDefer({ run: missing, ...unused }, plan, context)).toEqual({
      ...{ deferred: 'no pod', steps: [], tests: [], executedAgain: false },
    });
    await expect(runPlan({ run: missing, ...unused }, plan, context)).rejects.toThrow('no pod');
  });

  test('a pod that is lost in the middle is a failure, and so is another failure of the platform', async () => {
    const run = ({ command }: RunRequest) => (command === 'install' ? Promise.resolve(pass) : missing());
    await expect(runPlanOrDefer({ run, ...unused }, plan, context)).rejects.toThrow('no pod');
    const away = () => Promise.reject(platformError('Unavailable', 'reset'));
    await expect(runPlanOrDefer({ run: away, ...unused }, plan, context)).rejects.toThrow('reset');
  });
});

describe('a worker', () => {
  const worker = { ...plan, program: { ...plan.program, requirements: [] }, isWorker: true };
  const ending = (end: Partial<RunReport>) => {
    const requests: RunRequest[] = [];
    const run = (request: RunRequest) => {
      requests.push(request);
      return Promise.resolve({ ...pass, ...end });
    };
    return { requests, report: runPlan({ run, ...unused }, worker, context) };
  };

  test('passes when it is alive after 5 s, whatever its limit of time', async () => {
    const { requests, report } = ending({ outcome: 'timed_out', exitCode: null, signal: 'SIGKILL' });
    expect(await report).toMatchObject({
      outcome: 'passed',
      steps: [{ step: 'run', outcome: 'passed', alive: true, exitCode: null, signal: null }],
    });
    expect(requests[0]?.limits.wallMs).toBe(5_000);
  });

  test.each(['failed', 'out_of_memory', 'passed'] as const)(
    'that ends before, as %s, has ended so',
    async (outcome) => {
      expect(await ending({ outcome }).report).toMatchObject({ outcome });
    },
  );

  test('that is none is stopped when its time is up', async () => {
    const run = () => Promise.resolve({ ...pass, outcome: 'timed_out' as const });
    const asked = { ...worker, isWorker: false };
    expect(await runPlan({ run, ...unused }, asked, context)).toMatchObject({ outcome: 'timed_out' });
  });
});

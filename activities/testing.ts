import { resultOfCase, verdictOfCases, type CaseRun } from './cases';
import { isEnvironmentMissing } from './deferral';
import { readFrameworkReport } from './frameworkReport';
import { readInstalled } from './installed';
import type {
  Program,
  RunContext,
  RunInput,
  RunLimits,
  RunReport,
  RunRequest,
  RunWait,
  TestRunner,
  Tests,
} from './ports';
import type {
  DeferredTests,
  StepReport,
  TestOutcome,
  TestReport,
  TestResult,
  TruncatedOutput,
} from './testReport';
import { allOf, middlesOf } from './truncatedOutput';

/** What is to be tested, and how. */
export interface TestPlan {
  /** Names the tests for their whole life; each execution's key is made from it. */
  key: string;
  userId: string;
  submissionId: string;
  program: Program;
  input: RunInput;
  tests: Tests | null;
  limits: RunLimits;
  /** Whether the program keeps running, and passes when it is alive after {@link WORKER_ALIVE_MS}. */
  isWorker?: boolean;
  /** How its first execution waits for its turn; those after it wait as long as it takes. */
  wait?: RunWait | undefined;
}

/** Kept of each stream of a step beside the run itself, in bytes: reports travel in the workflow's history. */
const KEEP_BESIDE_THE_RUN = 16_384;

/** An installation downloads and unpacks; it has nothing to do with the limits of the program. Milliseconds. */
const INSTALL_WALL_MS = 120_000;

/** A worker that runs for so long has started. Production takes it for ready after as long (prod/readiness.py). */
export const WORKER_ALIVE_MS = 5_000;

const NO_INPUT: RunInput = { stdin: '', args: [], env: {} };

/**
 * Carries out a submission's tests, step by step, until one does not pass: its packages are installed, the
 * program is run, then its tests. Cases are runs of the program themselves, so there is no other run beside them.
 * A repeat with the same key gets the results of the same executions.
 */
export async function runPlan(runner: TestRunner, plan: TestPlan, context: TestContext): Promise<TestReport> {
  return runSteps(new Executions(runner, plan, context), runner, plan);
}

/** Does the same, but a missing environment is a result, not a failure, as long as nothing was executed in it. */
export async function runPlanOrDefer(
  runner: TestRunner,
  plan: TestPlan,
  context: TestContext,
): Promise<TestReport | DeferredTests> {
  const executions = new Executions(runner, plan, context);
  try {
    return await runSteps(executions, runner, plan);
  } catch (error) {
    if (executions.begun || !isEnvironmentMissing(error)) throw error;
    return { deferred: error.message, steps: [], tests: [], executedAgain: false };
  }
}

async function runSteps(executions: Executions, runner: TestRunner, plan: TestPlan): Promise<TestReport> {
  const steps: StepReport[] = [];
  let installed: string[] | undefined;
  const end = (
    outcome: TestOutcome,
    tests: TestResult[] = [],
    more: Partial<TestReport> = {},
  ): TestReport => {
    return {
      outcome,
      steps,
      tests,
      ...more,
      executedAgain: executions.executedAgain,
      ...(installed && { installed }),
      ...(executions.unkept.length > 0 && { unkept: executions.unkept }),
    };
  };

  if (plan.program.requirements.length > 0) {
    const install = await executions.run('install', {
      command: 'install',
      input: NO_INPUT,
      keep: KEEP_BESIDE_THE_RUN,
      wallMs: INSTALL_WALL_MS,
    });
    steps.push({ ...install, step: 'install' });
    if (install.outcome !== 'passed') return end('requirements_failed');
    installed = readInstalled(install.report);
  }

  if (plan.tests?.kind === 'cases') {
    const runs: CaseRun[] = [];
    const { cases } = plan.tests;
    for (const [index, expected] of cases.entries()) {
      const { stdin, args } = expected;
      const input = { ...plan.input, stdin, args: args.length > 0 ? args : plan.input.args };
      const report = await executions.run(`case-${index + 1}`, { command: 'run', input });
      const result = resultOfCase(expected, report);
      runs.push({ report, result });
      tellCase(runner, plan, index + 1, cases.length, result);
    }
    const { outcome, tests, deciding } = verdictOfCases(runs);
    executions.reportHas(deciding);
    steps.push({ ...deciding, step: 'tests' });
    return end(outcome, tests);
  }

  const run = plan.isWorker
    ? asWorker(await executions.run('run', { command: 'run', input: plan.input, wallMs: WORKER_ALIVE_MS }))
    : await executions.run('run', { command: 'run', input: plan.input });
  steps.push({ ...run, step: 'run' });
  if (run.outcome !== 'passed' || plan.tests === null) return end(run.outcome);

  const { framework, files } = plan.tests;
  const report = await executions.run('tests', {
    command: framework,
    input: { ...plan.input, args: Object.keys(files), interactive: false },
    files,
    keep: KEEP_BESIDE_THE_RUN,
  });
  steps.push({ ...report, step: 'tests' });
  const { outcome, tests, ...more } = readFrameworkReport(report);
  return end(outcome, tests, more);
}

/** Of a worker, the end of its time is no fault: it is alive. */
function asWorker(run: RunReport): RunReport & Pick<StepReport, 'alive'> {
  if (run.outcome !== 'timed_out') return run;
  return { ...run, outcome: 'passed', exitCode: null, signal: null, alive: true };
}

/**
 * Says in the pod's log how a case ended, for those who follow it; sandbox/test-pod/PROTOCOL.md has the form.
 * The verdict is the report's.
 */
function tellCase(
  runner: TestRunner,
  { key, userId, submissionId }: TestPlan,
  number: number,
  total: number,
  { name, outcome, durationMs }: TestResult,
): void {
  const words = `case ${number} of ${total} ${outcome} in ${durationMs} ms`;
  runner.say(userId, submissionId, `${words} key=${key}/case-${number} name=${quoted(name)}`);
}

/** As JSON, without any character that a log cannot show as it is. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A call's context, with what the attempt before this one left behind. */
export interface TestContext extends RunContext {
  /** When the first attempt was scheduled, in milliseconds since the epoch. */
  scheduledAt: number;
  /** Of the attempt before this one, if there was one. */
  before: { lastHeartbeat?: unknown } | null;
}

/** What a heartbeat tells: each execution by the name of its step, for the next attempt, and where it stands. */
interface Beat {
  executions: Record<string, string>;
  executedAgain: boolean;
  current: unknown;
  /** The attempt's last word: nothing that it began is missing here. */
  over: boolean;
}

/** What the next attempt finds when this one began nothing. */
export const NOTHING_BEGUN: Beat = { executions: {}, executedAgain: false, current: null, over: true };

interface Execution {
  command: string;
  input: RunInput;
  /** Files beside the program's own; they may not replace one. */
  files?: Record<string, string>;
  /** Bytes to keep of each stream, if less than the run's own limit. */
  keep?: number;
  /** Wall time in milliseconds, if it is not the run's own limit. */
  wallMs?: number;
}

class Executions {
  executedAgain: boolean;
  /** Of all executions so far, as long as the report of the tests has none of the cases. */
  unkept: TruncatedOutput[] = [];
  /** Each execution by the name of its step, those of the attempt before this one as well. */
  private readonly known: Record<string, string>;
  /** Whether the attempt before this one died, and may have begun more than it could tell. */
  private readonly mayBeMore: boolean;
  private wait: RunWait | undefined;

  constructor(
    private readonly runner: TestRunner,
    private readonly plan: TestPlan,
    private readonly context: TestContext,
  ) {
    const last = context.before?.lastHeartbeat as Beat | undefined;
    this.known = { ...last?.executions };
    this.executedAgain = last?.executedAgain ?? false;
    this.mayBeMore = context.before !== null && !last?.over;
    this.wait = plan.wait;
  }

  /** Whether an execution is known to have begun, in this attempt or in the one before it. */
  get begun(): boolean {
    return this.mayBeMore || Object.keys(this.known).length > 0;
  }

  async run(name: string, execution: Execution): Promise<RunReport> {
    const request = this.requestOf(name, execution);
    const { signal, onInput } = this.context;
    const heartbeat = (current: unknown) => this.beat(name, current);
    const onSupervisor = (since: number) => this.joined(name, since);
    const call = { signal, heartbeat, onSupervisor, ...(onInput && { onInput }) };
    const report = await this.runner.run(request, call).catch((error: unknown) => {
      this.beat(name, null, true);
      throw error;
    });
    // Once it has begun it does not give up between two steps.
    if (this.wait === 'brief') this.wait = undefined;
    const { executionId } = report;
    this.note(name, executionId);
    const isCase = name.startsWith('case-');
    this.unkept.push(...(isCase ? allOf : middlesOf)({ key: request.key, name, executionId }, report));
    return report;
  }

  /** To be called when the report of the tests has this run, too. */
  reportHas(run: RunReport): void {
    const own = this.unkept.find(({ executionId }) => executionId === run.executionId);
    const others = this.unkept.filter(({ executionId }) => executionId !== run.executionId);
    this.unkept = own ? [...others, ...middlesOf(own, run)] : others;
  }

  private requestOf(name: string, { command, input, files, keep, wallMs }: Execution): RunRequest {
    const { key, userId, submissionId, program, limits } = this.plan;
    return {
      key: `${key}/${name}`,
      userId,
      submissionId,
      program: { ...program, files: { ...files, ...program.files } },
      command,
      input,
      ...(this.wait && { wait: this.wait }),
      limits: {
        ...limits,
        wallMs: wallMs ?? limits.wallMs,
        keepOutputBytes: Math.min(limits.keepOutputBytes, keep ?? Infinity),
      },
    };
  }

  private beat(name: string, current: unknown, over = false): void {
    const { executionId } = (current ?? {}) as { executionId?: string };
    if (executionId) this.note(name, executionId);
    const { known: executions, executedAgain } = this;
    const beat: Beat = { executions, executedAgain, current: { step: name, ...(current as object) }, over };
    this.context.heartbeat(beat);
  }

  /** A supervisor that began after the tests did cannot know whether the attempt that died had executed this. */
  private joined(name: string, since: number): void {
    if (this.mayBeMore && this.known[name] === undefined && since > this.context.scheduledAt)
      this.executedAgain = true;
  }

  private note(name: string, executionId: string): void {
    const before = this.known[name];
    if (before !== undefined && before !== executionId) this.executedAgain = true;
    this.known[name] = executionId;
  }
}

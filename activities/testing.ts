/** Runs the tests of a submission in its user's test pod, step by step, for the activity `runTests`. */
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
  BegunTests,
  DeferredTests,
  StepReport,
  TestOutcome,
  TestReport,
  TestResult,
  TruncatedOutput,
} from './testReport';
import { allOf, middlesOf } from './truncatedOutput';

/** What to test, and how. */
export interface TestPlan {
  /** Identifies the tests across all attempts. The keys of the executions are derived from it. */
  key: string;
  userId: string;
  submissionId: string;
  program: Program;
  input: RunInput;
  tests: Tests | null;
  limits: RunLimits;
  /** Whether the program keeps running, and passes if it is alive after {@link WORKER_ALIVE_MS}. */
  isWorker?: boolean;
  /** How the first execution waits for its turn. The following ones wait without limit. */
  wait?: RunWait | undefined;
}

/**
 * Bytes kept of each stream of steps other than the run. It is small, because reports are part of the
 * history.
 */
const KEEP_OF_OTHER_STEPS = 16_384;

/** Wall time limit of an installation, in milliseconds. It is independent of the program's limits. */
const INSTALL_WALL_MS = 120_000;

/**
 * A worker that has run for this long has started. Production treats it as ready after the same time
 * (readiness.py).
 */
export const WORKER_ALIVE_MS = 5_000;

const NO_INPUT: RunInput = { stdin: '', args: [], env: {} };

/**
 * Runs a submission's tests step by step until one does not pass: installs its packages, runs the program,
 * then runs its tests. Test cases are themselves runs of the program, so they replace the separate run. A
 * repeat with the same key gets the results of the same executions.
 */
export async function runPlan(runner: TestRunner, plan: TestPlan, context: TestContext): Promise<TestReport> {
  return runSteps(new Executions(runner, plan, context), runner, plan);
}

/**
 * Does the same, but returns a missing environment as a result instead of failing, if nothing was executed in
 * it.
 */
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
      ...(executions.truncated.length > 0 && { unkept: executions.truncated }),
    };
  };

  if (plan.program.requirements.length > 0) {
    const install = await executions.run('install', {
      command: 'install',
      input: NO_INPUT,
      keep: KEEP_OF_OTHER_STEPS,
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
      logCaseResult(runner, plan, index + 1, cases.length, result);
    }
    const { outcome, tests, deciding } = verdictOfCases(runs);
    executions.addToReport(deciding);
    steps.push({ ...deciding, step: 'tests' });
    return end(outcome, tests);
  }

  const run = plan.isWorker
    ? resultOfWorker(
        await executions.run('run', { command: 'run', input: plan.input, wallMs: WORKER_ALIVE_MS }),
      )
    : await executions.run('run', { command: 'run', input: plan.input });
  steps.push({ ...run, step: 'run' });
  if (run.outcome !== 'passed' || plan.tests === null) return end(run.outcome);

  const { framework, files } = plan.tests;
  const report = await executions.run('tests', {
    command: framework,
    input: { ...plan.input, args: Object.keys(files), interactive: false },
    files,
    keep: KEEP_OF_OTHER_STEPS,
  });
  steps.push({ ...report, step: 'tests' });
  const { outcome, tests, ...more } = readFrameworkReport(report);
  return end(outcome, tests, more);
}

/** A worker passes if it is still running when its time is up. */
function resultOfWorker(run: RunReport): RunReport & Pick<StepReport, 'alive'> {
  if (run.outcome !== 'timed_out') return run;
  return { ...run, outcome: 'passed', exitCode: null, signal: null, alive: true };
}

/**
 * Logs the outcome of a test case in the pod's log, for clients that follow it (sandbox/test-pod/PROTOCOL.md
 * defines the format). The verdict uses the report, not this line.
 */
function logCaseResult(
  runner: TestRunner,
  { key, userId, submissionId }: TestPlan,
  number: number,
  total: number,
  { name, outcome, durationMs }: TestResult,
): void {
  const result = `case ${number} of ${total} ${outcome} in ${durationMs} ms`;
  runner.writeLogLine(userId, submissionId, `${result} key=${key}/case-${number} name=${quoted(name)}`);
}

/** As JSON, with characters escaped that a log cannot show. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A call's context, with the state of the previous attempt. */
export interface TestContext extends RunContext {
  /** When the first attempt was scheduled, in milliseconds since the epoch. */
  scheduledAt: number;
  /** The state of the previous attempt, if there was one. */
  previousAttempt: { lastHeartbeat?: unknown } | null;
}

/**
 * The details of a heartbeat: each execution by the name of its step, for the next attempt, and the current
 * state.
 */
interface HeartbeatDetails extends Omit<BegunTests, 'since'> {
  current: unknown;
}

/** The heartbeat details of an attempt that began nothing. */
export const NO_EXECUTIONS: HeartbeatDetails = {
  executions: {},
  executedAgain: false,
  current: null,
  over: true,
};

interface Execution {
  command: string;
  input: RunInput;
  /** Files in addition to the program's own. They must not replace one. */
  files?: Record<string, string>;
  /** Bytes to keep of each stream, if less than the run's own limit. */
  keep?: number;
  /** Wall time limit in milliseconds, if it differs from the run's own. */
  wallMs?: number;
}

class Executions {
  executedAgain: boolean;
  /**
   * Output of all executions so far that the report does not contain. It includes all output of test cases
   * until `addToReport` is called.
   */
  truncated: TruncatedOutput[] = [];
  /** Each execution by the name of its step, including those of the previous attempt. */
  private readonly executionIds: Record<string, string>;
  /** Whether the previous attempt died and may have begun more than it reported. */
  private readonly mayHaveUnreported: boolean;
  private wait: RunWait | undefined;

  constructor(
    private readonly runner: TestRunner,
    private readonly plan: TestPlan,
    private readonly context: TestContext,
  ) {
    const last = context.previousAttempt?.lastHeartbeat as HeartbeatDetails | undefined;
    this.executionIds = { ...last?.executions };
    this.executedAgain = last?.executedAgain ?? false;
    this.mayHaveUnreported = context.previousAttempt !== null && !last?.over;
    this.wait = plan.wait;
  }

  /** Whether an execution has begun, or may have, in this attempt or in the previous one. */
  get begun(): boolean {
    return this.mayHaveUnreported || Object.keys(this.executionIds).length > 0;
  }

  async run(name: string, execution: Execution): Promise<RunReport> {
    const request = this.requestOf(name, execution);
    const { signal, onInput } = this.context;
    const heartbeat = (current: unknown) => this.heartbeat(name, current);
    const onSupervisor = (since: number) => this.onSupervisor(name, since);
    const call = { signal, heartbeat, onSupervisor, ...(onInput && { onInput }) };
    const report = await this.runner.run(request, call).catch((error: unknown) => {
      this.heartbeat(name, null, true);
      throw error;
    });
    // After the first step, the following steps wait for their turn without limit.
    if (this.wait !== 'in_turn') this.wait = undefined;
    const { executionId } = report;
    this.record(name, executionId);
    const isCase = name.startsWith('case-');
    this.truncated.push(...(isCase ? allOf : middlesOf)({ key: request.key, name, executionId }, report));
    return report;
  }

  /** Call this when the report of the tests also contains this run. */
  addToReport(run: RunReport): void {
    const own = this.truncated.find(({ executionId }) => executionId === run.executionId);
    const others = this.truncated.filter(({ executionId }) => executionId !== run.executionId);
    this.truncated = own ? [...others, ...middlesOf(own, run)] : others;
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

  private heartbeat(name: string, current: unknown, over = false): void {
    const { executionId } = (current ?? {}) as { executionId?: string };
    if (executionId) this.record(name, executionId);
    const { executionIds: executions, executedAgain } = this;
    const details: HeartbeatDetails = {
      executions,
      executedAgain,
      current: { step: name, ...(current as object) },
      over,
    };
    this.context.heartbeat(details);
  }

  /**
   * A supervisor that started after the tests did cannot know whether the dead attempt had executed this
   * step.
   */
  private onSupervisor(name: string, since: number): void {
    if (this.mayHaveUnreported && this.executionIds[name] === undefined && since > this.context.scheduledAt)
      this.executedAgain = true;
  }

  private record(name: string, executionId: string): void {
    const earlier = this.executionIds[name];
    if (earlier !== undefined && earlier !== executionId) this.executedAgain = true;
    this.executionIds[name] = executionId;
  }
}

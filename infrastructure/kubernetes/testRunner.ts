import { setTimeout as pauseFor } from 'node:timers/promises';
import type { Language } from '../languages/languages';
import type { Kube } from './client';
import { PlatformError } from './errors';
import type { EndRecord, Frame, StreamName } from './testPod/frames';
import type { CapturedOutput } from './testPod/receivedOutput';
import { ReceivedOutput } from './testPod/receivedOutput';
import { readProgramError } from './testPod/programError';
import type { ProgramError } from './testPod/programError';
import type { Conversation } from './testPod/conversation';
import { PodStreams } from './testPod/podStreams';
import type { PodStreamsSettings } from './testPod/podStreams';

/** The shapes that the port `TestRunner` has; the worker's wiring checks that they fit. */
export interface RunRequest {
  key: string;
  userId: string;
  submissionId: string;
  program: { language: string; files: Record<string, string>; entrypoint: string; requirements: string[] };
  command: string;
  input: { stdin: string; args: string[]; env: Record<string, string> };
  limits: { wallMs: number; memoryBytes: number; keepOutputBytes: number; maxOutputBytes: number };
}

export interface RunReport {
  outcome: EndRecord['outcome'];
  exitCode: number | null;
  signal: string | null;
  serving: boolean;
  wallMs: number;
  cpuMs: number;
  peakMemoryBytes: number;
  stdout: CapturedOutput;
  stderr: CapturedOutput;
  report: string;
  error: ProgramError | null;
  podUid: string;
  executionId: string;
}

interface CallContext {
  signal: AbortSignal;
  heartbeat(details?: unknown): void;
}

export interface TestRunner {
  run(request: RunRequest, context: CallContext): Promise<RunReport>;
  /** Closes the streams to test pods. Runs go on, and another worker can join them. */
  close(): void;
}

export interface TestRunnerSettings extends PodStreamsSettings {
  languages: Map<string, Language>;
  /** Where requirements come from; none can be installed when it is not given. It may hold a password. */
  packageIndexUrl?: string | undefined;
}

const HEARTBEAT_MS = 1_000;

/** Soon, so that the next attempt knows which execution this was; but not for programs that are over by then. */
const FIRST_HEARTBEAT_MS = 100;

/** What the supervisor keeps of a test framework's report, in bytes; infrastructure/test-pod/PROTOCOL.md. */
const KEEP_REPORT_BYTES = 262_144;

/**
 * How often a run whose stream broke is joined again before the failure is reported, and the pause before each,
 * in milliseconds. A program can kill its relay, so a broken stream alone says little.
 */
const REJOIN_PAUSES_MS = [20, 100, 300, 1_000, 2_000];

/** How long to wait until the supervisor has ended a cancelled run. */
const CANCEL_DEADLINE_MS = 3_000;

/** Code of an `error` frame; infrastructure/test-pod/PROTOCOL.md. */
const LAYER_MISSING = 'layer_missing';

/** Enough of stderr for what a language says of an error. */
const ERROR_BYTES = 16_384;

/**
 * Reasons of an abort that concern only this worker's attempt: the run goes on, and the next attempt joins it.
 * Words of Temporal's activity cancellation; any other abort cancels the run.
 */
const ATTEMPT_ONLY = ['WORKER_SHUTDOWN', 'TIMED_OUT', 'PAUSED', 'RESET'];

/** Runs submissions in the test pods of a cluster, by the supervisor inside (infrastructure/test-pod/PROTOCOL.md). */
export function createTestRunner(
  kube: Kube,
  { languages, packageIndexUrl, ...settings }: TestRunnerSettings,
): TestRunner {
  const streams = new PodStreams(kube, settings);
  return {
    async run(request, context) {
      const { signal } = context;
      signal.throwIfAborted();
      const language = languages.get(request.program.language);
      if (language === undefined)
        throw new PlatformError('Rejected', `There is no language ${request.program.language}.`);
      const attempt = new Attempt(streams, request, language, packageIndexUrl);
      const beat = () => context.heartbeat(attempt.progress());
      const first = setTimeout(beat, FIRST_HEARTBEAT_MS);
      const timer = setInterval(beat, HEARTBEAT_MS);
      const work = attempt.result(signal);
      try {
        return await untilAborted(work, signal);
      } catch (error) {
        if (signal.aborted && !ATTEMPT_ONLY.includes(messageOf(signal.reason))) await attempt.cancel(work);
        throw error;
      } finally {
        clearTimeout(first);
        clearInterval(timer);
        attempt.close();
      }
    },
    close: () => streams.close(),
  };
}

/** One call of `run`: as many streams as it takes, one execution. */
class Attempt {
  private conversation: Conversation | null = null;
  private cancelled = false;
  private state = 'connecting';
  private position = 0;
  private podUid = '';
  private executionId: string | null = null;
  private readonly output: Record<StreamName, ReceivedOutput>;

  constructor(
    private readonly streams: PodStreams,
    private readonly request: RunRequest,
    private readonly language: Language,
    private readonly packageIndexUrl: string | undefined,
  ) {
    const { keepOutputBytes } = request.limits;
    this.output = {
      stdout: new ReceivedOutput(keepOutputBytes),
      stderr: new ReceivedOutput(keepOutputBytes),
      report: new ReceivedOutput(KEEP_REPORT_BYTES),
    };
  }

  /** For the heartbeat: where the run stands, how many come before it, and how many bytes of its output have come. */
  progress() {
    const { stdout, stderr } = this.output;
    const { state, position, executionId } = this;
    const received = { stdout: stdout.received, stderr: stderr.received };
    return { state, ...(position > 0 && { position }), ...(executionId && { executionId }), ...received };
  }

  async result(signal: AbortSignal): Promise<RunReport> {
    for (let broken = 0; ; broken++) {
      try {
        return await this.follow(signal);
      } catch (error) {
        this.close();
        const pause = REJOIN_PAUSES_MS[broken];
        if (signal.aborted || pause === undefined || !mayBeJoinedAgain(error)) throw error;
        await pauseFor(pause, undefined, { signal });
      }
    }
  }

  /** Ends the run in the pod, as far as it can be reached, and waits until `work` is over. */
  async cancel(work: Promise<unknown>): Promise<void> {
    this.cancelled = true;
    this.conversation?.send({ op: 'cancel', key: this.request.key });
    // However the work ends now, it was cancelled.
    const over = work.catch(() => undefined);
    await Promise.race([over, pauseFor(CANCEL_DEADLINE_MS, undefined, { ref: false })]);
  }

  close(): void {
    this.conversation?.close();
    this.conversation = null;
  }

  private async follow(signal: AbortSignal): Promise<RunReport> {
    const { userId, key } = this.request;
    const conversation = (this.conversation = await this.streams.converse(userId));
    if (this.cancelled) conversation.send({ op: 'cancel', key });
    signal.throwIfAborted();
    conversation.send(this.runFrame());
    try {
      for (;;) {
        const frame = await conversation.next();
        if (frame.type === 'end') return this.report(frame.result);
        if (frame.type === 'error') throw new Refusal(frame.code, frame.message);
        this.take(frame);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) conversation.abandon(error as Error);
      throw error;
    }
  }

  private take(frame: Exclude<Frame, { type: 'end' | 'error' }>): void {
    switch (frame.type) {
      case 'accepted':
        this.podUid = frame.pod_uid;
        this.state = frame.state;
        this.position = frame.position;
        if (frame.execution !== null) this.executed(frame.execution);
        return;
      case 'queued':
        this.position = frame.position;
        return;
      case 'started':
        this.state = 'running';
        this.position = 0;
        this.executed(frame.execution);
        return;
      case 'output':
        this.output[frame.stream].add(frame.offset, frame.data);
        return;
      case 'alive':
        return;
    }
  }

  private executed(executionId: string): void {
    // Another execution than before: nothing that was received is part of it.
    if (this.executionId !== null && this.executionId !== executionId)
      for (const output of Object.values(this.output)) output.restart();
    this.executionId = executionId;
  }

  private runFrame() {
    const { key, submissionId, program, command, input, limits } = this.request;
    const { language, files, entrypoint, requirements } = program;
    const encoded = Object.entries(files).map(([name, text]) => [name, encode(text)]);
    return {
      op: 'run',
      key,
      submission_id: submissionId,
      language,
      command,
      files: Object.fromEntries(encoded) as Record<string, string>,
      entrypoint,
      requirements,
      ...(command === 'install' && { index_url: this.packageIndexUrl }),
      stdin: encode(input.stdin),
      args: input.args,
      env: input.env,
      limits: {
        wall_ms: limits.wallMs,
        memory_bytes: limits.memoryBytes,
        keep_output_bytes: limits.keepOutputBytes,
        max_output_bytes: limits.maxOutputBytes,
      },
      from: Object.fromEntries(
        Object.entries(this.output).map(([stream, output]) => [stream, output.rejoin()]),
      ),
    };
  }

  private report(end: EndRecord): RunReport {
    const { stdout, stderr, report } = this.output;
    const text = end.check ?? stderr.tail(ERROR_BYTES);
    const failed = end.outcome === 'failed' || end.outcome === 'syntax_error';
    const { out_of_memory: outOfMemory } = this.language.errors;
    const error = failed ? readProgramError(this.language.errors, text) : null;
    // One failure told from another, by what the program says of itself: no words of its own can make it pass.
    const ended = end.outcome === 'failed' || end.outcome === 'killed_by_signal';
    const starved = ended && outOfMemory !== undefined && text.search(outOfMemory) >= 0;
    return {
      outcome: starved ? 'out_of_memory' : end.outcome,
      exitCode: end.exit_code,
      signal: end.signal,
      serving: end.serving,
      wallMs: end.wall_ms,
      cpuMs: end.cpu_ms,
      peakMemoryBytes: end.peak_memory_bytes,
      stdout: stdout.verify('stdout', end.stdout),
      stderr: stderr.verify('stderr', end.stderr),
      report: report.verify('report', end.report).text,
      error,
      podUid: this.podUid,
      executionId: end.execution,
    };
  }
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** An `error` frame. By PROTOCOL.md, the first two codes can never succeed, the others may at the next try. */
class Refusal extends PlatformError {
  constructor(code: string, message: string) {
    const name = code === 'invalid' || code === 'key_taken' ? 'Rejected' : 'Unavailable';
    super(name, `The test pod did not run the submission: ${message}`, { reason: code });
  }
}

/** A run whose requirements are gone is only helped by installing them: that is for the next attempt. */
function mayBeJoinedAgain(error: unknown): boolean {
  return error instanceof PlatformError && error.name === 'Unavailable' && error.reason !== LAYER_MISSING;
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const over = new AbortController();
  const aborted = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { signal: over.signal });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    over.abort();
    // After an abort nobody listens to the work any more; its failure is the abort's consequence.
    work.catch(() => undefined);
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

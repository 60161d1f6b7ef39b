import { setTimeout as pauseFor } from 'node:timers/promises';
import type { Language } from '../languages/languages';
import type { Kube } from './client';
import { PlatformError } from './errors';
import type { EndRecord, Frame } from './testPod/frames';
import type { CapturedOutput } from './testPod/receivedOutput';
import { ReceivedOutput } from './testPod/receivedOutput';
import { readProgramError } from './testPod/programError';
import type { ProgramError } from './testPod/programError';
import { openRelay, SILENCE_MS } from './testPod/relay';
import type { Relay } from './testPod/relay';

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
}

export interface TestRunnerSettings {
  /** After this time without a word from the pod its stream is taken for dead, in milliseconds. */
  silenceMs?: number;
}

const HEARTBEAT_MS = 1_000;

/**
 * How often a run whose stream broke is joined again before the failure is reported, and the pause before each,
 * in milliseconds. A program can kill its relay, so a broken stream alone says little.
 */
const REJOIN_PAUSES_MS = [20, 100, 300, 1_000, 2_000];

/** How long to wait until the supervisor has ended a cancelled run. */
const CANCEL_DEADLINE_MS = 3_000;

/** Enough of stderr for a traceback. */
const TRACEBACK_BYTES = 16_384;

/**
 * Reasons of an abort that concern only this worker's attempt: the run goes on, and the next attempt joins it.
 * Words of Temporal's activity cancellation; any other abort cancels the run.
 */
const ATTEMPT_ONLY = ['WORKER_SHUTDOWN', 'TIMED_OUT', 'PAUSED', 'RESET'];

/** Runs submissions in the test pods of a cluster, by the supervisor inside (infrastructure/test-pod/PROTOCOL.md). */
export function createTestRunner(
  kube: Kube,
  { silenceMs = SILENCE_MS }: TestRunnerSettings = {},
): TestRunner {
  return {
    async run(request, context) {
      const { signal } = context;
      signal.throwIfAborted();
      const attempt = new Attempt(kube, request, silenceMs);
      const timer = setInterval(() => context.heartbeat(attempt.progress()), HEARTBEAT_MS);
      const work = attempt.result(signal);
      try {
        return await untilAborted(work, signal);
      } catch (error) {
        if (signal.aborted && !ATTEMPT_ONLY.includes(messageOf(signal.reason))) await attempt.cancel(work);
        throw error;
      } finally {
        clearInterval(timer);
        attempt.close();
      }
    },
  };
}

/** One call of `run`: as many streams as it takes, one execution. */
class Attempt {
  private relay: Relay | null = null;
  private cancelled = false;
  private state = 'connecting';
  private podUid = '';
  private readonly output: { stdout: ReceivedOutput; stderr: ReceivedOutput };

  constructor(
    private readonly kube: Kube,
    private readonly request: RunRequest,
    private readonly silenceMs: number,
  ) {
    const { keepOutputBytes } = request.limits;
    this.output = {
      stdout: new ReceivedOutput(keepOutputBytes),
      stderr: new ReceivedOutput(keepOutputBytes),
    };
  }

  /** For the heartbeat: where the run stands, and how many bytes of its output have come. */
  progress() {
    const { stdout, stderr } = this.output;
    return { state: this.state, stdout: stdout.received, stderr: stderr.received };
  }

  async result(signal: AbortSignal): Promise<RunReport> {
    for (let broken = 0; ; broken++) {
      try {
        return await this.follow(signal);
      } catch (error) {
        this.close();
        const pause = REJOIN_PAUSES_MS[broken];
        if (signal.aborted || pause === undefined || !isUnavailable(error)) throw error;
        await pauseFor(pause, undefined, { signal });
      }
    }
  }

  /** Ends the run in the pod, as far as it can be reached, and waits until `work` is over. */
  async cancel(work: Promise<unknown>): Promise<void> {
    this.cancelled = true;
    this.relay?.send({ op: 'cancel', key: this.request.key });
    // However the work ends now, it was cancelled.
    const over = work.catch(() => undefined);
    await Promise.race([over, pauseFor(CANCEL_DEADLINE_MS, undefined, { ref: false })]);
  }

  close(): void {
    this.relay?.close();
    this.relay = null;
  }

  private async follow(signal: AbortSignal): Promise<RunReport> {
    const relay = (this.relay = await openRelay(this.kube, this.request.userId, this.silenceMs));
    if (this.cancelled) relay.send({ op: 'cancel', key: this.request.key });
    signal.throwIfAborted();
    relay.send(this.runFrame());
    for (;;) {
      const frame = await relay.next();
      if (frame.type === 'end') return this.report(frame.result);
      this.take(frame);
    }
  }

  private take(frame: Exclude<Frame, { type: 'end' }>): void {
    switch (frame.type) {
      case 'accepted':
        this.podUid = frame.pod_uid;
        this.state = frame.state;
        return;
      case 'queued':
        this.state = `queued behind ${frame.position}`;
        return;
      case 'started':
        this.state = 'running';
        return;
      case 'output':
        this.output[frame.stream].add(frame.offset, frame.data);
        return;
      case 'alive':
        return;
      case 'error':
        throw refusal(frame.code, frame.message);
    }
  }

  private runFrame() {
    const { key, submissionId, files, entrypoint, limits } = this.request;
    const encoded = Object.entries(files).map(([name, text]) => [name, Buffer.from(text).toString('base64')]);
    return {
      op: 'run',
      key,
      submission_id: submissionId,
      files: Object.fromEntries(encoded) as Record<string, string>,
      entrypoint,
      limits: {
        wall_ms: limits.wallMs,
        memory_bytes: limits.memoryBytes,
        keep_output_bytes: limits.keepOutputBytes,
        max_output_bytes: limits.maxOutputBytes,
      },
      from: { stdout: this.output.stdout.rejoin(), stderr: this.output.stderr.rejoin() },
    };
  }

  private report(end: EndRecord): RunReport {
    const stdout = this.output.stdout.verify('stdout', end.stdout);
    const stderr = this.output.stderr.verify('stderr', end.stderr);
    const failed = end.outcome === 'failed' && end.exit_code === 1;
    const traceback = failed ? readTraceback(this.output.stderr.tail(TRACEBACK_BYTES)) : null;
    // One failure told from another, by what the program says of itself: no words of its own can make it pass.
    const outOfMemory = traceback !== null && /^MemoryError\b/.test(traceback.message);
    return {
      outcome: outOfMemory ? 'out_of_memory' : end.outcome,
      exitCode: end.exit_code,
      signal: end.signal,
      wallMs: end.wall_ms,
      cpuMs: end.cpu_ms,
      peakMemoryBytes: end.peak_memory_bytes,
      stdout,
      stderr,
      error: end.error ?? traceback,
      podUid: this.podUid,
    };
  }
}

/** Codes of `error` frames, by PROTOCOL.md: the first two can never succeed, the others may at the next try. */
function refusal(code: string, message: string): PlatformError {
  const name = code === 'invalid' || code === 'key_taken' ? 'Rejected' : 'Unavailable';
  return new PlatformError(name, `The test pod did not run the submission: ${message}`, { reason: code });
}

function isUnavailable(error: unknown): boolean {
  return error instanceof PlatformError && error.name === 'Unavailable';
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

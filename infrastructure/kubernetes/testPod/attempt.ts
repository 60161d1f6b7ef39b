import { setTimeout as pauseFor } from 'node:timers/promises';
import type { RunReport, RunRequest, RunWait } from '../../../activities/ports';
import type { Language } from '../../../sandbox/languages/languages';
import { PlatformError } from '../api/errors';
import { HeartbeatTimeout, type Conversation } from './conversation';
import type { Frame, StreamName } from './frames';
import type { PodStreams } from './podStreams';
import { ReceivedOutput } from './receivedOutput';
import { reportOf } from './runReport';

/** How much of a test framework's report the supervisor keeps, in bytes; sandbox/test-pod/PROTOCOL.md. */
const KEEP_REPORT_BYTES = 262_144;

/**
 * The pause before each attempt to rejoin a run whose stream broke, in milliseconds. After the last one, the
 * failure is reported. A program can kill its relay, so a broken stream alone says little.
 */
const REJOIN_PAUSES_MS = [20, 100, 300, 1_000, 2_000];

/**
 * A stream can fail because of a server in between, while the run continues in the pod. But when this many
 * conversations in a row receive nothing, the last one on a new stream, the supervisor is assumed to be dead.
 */
const MAX_SILENT_CONVERSATIONS = 2;

/** How long to wait until the supervisor has ended a cancelled run, in milliseconds. */
const CANCEL_DEADLINE_MS = 3_000;

/** Codes of `error` frames; sandbox/test-pod/PROTOCOL.md. */
const LAYER_MISSING = 'layer_missing';
const OTHERS_FIRST = ['busy', 'not_yet'];

/** How long a `brief` run waits for its turn in the pod, in milliseconds. Longer than most programs run. */
const QUEUE_TIMEOUT_MS = 1_000;

export interface AttemptParts {
  streams: PodStreams;
  request: RunRequest;
  language: Language;
  /** The address of the package index, if packages can be installed. */
  packageIndexUrl: string | undefined;
  /** Called when another execution replaces the current one, which `progress` still reports. */
  beforeRepeat: () => void;
  /** See RunContext of activities/ports.ts. */
  onInput: ((received: number) => void) | undefined;
  onSupervisor: ((since: number) => void) | undefined;
  /** Whether the pod's container has been killed for using too much memory since then. */
  wasKilledForMemory: (since: number) => Promise<boolean>;
}

/** One call of `run`: follows one execution, over as many streams as necessary. */
export class Attempt {
  private conversation: Conversation | null = null;
  private cancelled = false;
  private state = 'connecting';
  private position = 0;
  private podUid = '';
  /** Start of the run, and of the supervisor that executes it, in milliseconds since the epoch. */
  private began = 0;
  private supervisorBegan = 0;
  private executionId: string | null = null;
  private readonly output: Record<StreamName, ReceivedOutput>;

  constructor(private readonly parts: AttemptParts) {
    const { keepOutputBytes } = parts.request.limits;
    this.output = {
      stdout: new ReceivedOutput(keepOutputBytes),
      stderr: new ReceivedOutput(keepOutputBytes),
      report: new ReceivedOutput(KEEP_REPORT_BYTES),
    };
  }

  /** For the heartbeat: the run's state, its place in the queue, and how much of its output was received. */
  progress() {
    const { stdout, stderr } = this.output;
    const { state, position, executionId } = this;
    const received = { stdout: stdout.received, stderr: stderr.received };
    return { state, ...(position > 0 && { position }), ...(executionId && { executionId }), ...received };
  }

  async result(signal: AbortSignal): Promise<RunReport> {
    let unheard = 0;
    for (let broken = 0; ; broken++) {
      try {
        return await this.follow(signal);
      } catch (error) {
        this.close();
        if (!signal.aborted && (await this.endedItsContainer())) return this.reportOfKilled();
        unheard = error instanceof HeartbeatTimeout && !error.everHeard ? unheard + 1 : 0;
        if (unheard === MAX_SILENT_CONVERSATIONS)
          throw new PlatformError('EnvironmentMissing', `${(error as Error).message}, twice`, {
            cause: error,
          });
        const pause = REJOIN_PAUSES_MS[broken];
        if (signal.aborted || pause === undefined || !mayBeJoinedAgain(error)) throw error;
        await pauseFor(pause, undefined, { signal });
      }
    }
  }

  /** Cancels the run in the pod, if that can be reached, and waits until `work` has ended. */
  async cancel(work: Promise<unknown>): Promise<void> {
    this.cancelled = true;
    this.conversation?.send({ op: 'cancel', key: this.parts.request.key });
    // Any result is ignored now: the run was cancelled.
    const over = work.catch(() => undefined);
    await Promise.race([over, pauseFor(CANCEL_DEADLINE_MS, undefined, { ref: false })]);
  }

  close(): void {
    this.conversation?.close();
    this.conversation = null;
  }

  private async follow(signal: AbortSignal): Promise<RunReport> {
    const { userId, key } = this.parts.request;
    const conversation = (this.conversation = await this.parts.streams.converse(userId));
    if (this.cancelled) conversation.send({ op: 'cancel', key });
    signal.throwIfAborted();
    conversation.send(this.runFrame());
    try {
      for (;;) {
        const frame = await conversation.next();
        if (frame.type === 'end')
          return reportOf(frame.result, this.output, this.parts.language.errors, this.podUid);
        if (this.isAnother(frame) && (await this.endedItsContainer())) {
          conversation.send({ op: 'cancel', key });
          return this.reportOfKilled();
        }
        if (frame.type === 'error')
          throw new Refusal(frame.code, frame.message, patienceOf(this.parts.request.wait) !== null);
        this.take(frame);
      }
    } catch (error) {
      if (!(error instanceof Refusal)) conversation.abandon(error as Error);
      throw error;
    }
  }

  /** Whether the supervisor starts the current run again: then it is a new supervisor. */
  private isAnother(frame: Frame): boolean {
    if (this.executionId === null || this.state !== 'running') return false;
    return frame.type === 'accepted' && frame.execution !== this.executionId;
  }

  /** True when the current run used all memory of the pod: a repeat would do the same. */
  private async endedItsContainer(): Promise<boolean> {
    if (this.executionId === null || this.state !== 'running') return false;
    return this.parts.wasKilledForMemory(this.supervisorBegan).catch(() => false);
  }

  /** The report of a run whose container was killed, and with it the supervisor that measured the run. */
  private reportOfKilled(): RunReport {
    const { stdout, stderr, report } = this.output;
    return {
      outcome: 'out_of_memory',
      exitCode: null,
      signal: 'SIGKILL',
      serving: false,
      wallMs: Date.now() - this.began,
      cpuMs: 0,
      peakMemoryBytes: this.parts.request.limits.memoryBytes,
      stdout: stdout.partial(),
      stderr: stderr.partial(),
      report: report.partial().text,
      error: null,
      podUid: this.podUid,
      executionId: this.executionId ?? '',
    };
  }

  private take(frame: Exclude<Frame, { type: 'end' | 'error' }>): void {
    switch (frame.type) {
      case 'accepted':
        this.podUid = frame.pod_uid;
        this.state = frame.state;
        this.position = frame.position;
        this.supervisorBegan = Date.now() - (frame.up_ms ?? 0);
        if (frame.up_ms !== undefined) this.parts.onSupervisor?.(this.supervisorBegan);
        if (frame.execution !== null) this.executed(frame.execution);
        if (frame.execution !== null && frame.state === 'running') this.parts.onInput?.(frame.input);
        return;
      case 'queued':
        this.position = frame.position;
        return;
      case 'started':
        this.state = 'running';
        this.position = 0;
        this.executed(frame.execution);
        this.parts.onInput?.(frame.input);
        return;
      case 'output':
        this.output[frame.stream].add(frame.offset, frame.data);
        return;
      case 'alive':
      case 'input':
      case 'read':
        return;
    }
  }

  private executed(executionId: string): void {
    if (this.executionId !== null && this.executionId !== executionId) {
      this.parts.beforeRepeat();
      // This is another execution: none of the received output belongs to it.
      for (const output of Object.values(this.output)) output.restart();
    }
    if (this.executionId !== executionId) this.began = Date.now();
    this.executionId = executionId;
  }

  private runFrame() {
    const { key, submissionId, program, command, input, limits, wait } = this.parts.request;
    const { language, files, entrypoint, requirements } = program;
    const patience = patienceOf(wait);
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
      ...(command === 'install' && { index_url: this.parts.packageIndexUrl }),
      stdin: encode(input.stdin),
      ...(input.interactive && { interactive: true }),
      args: input.args,
      env: input.env,
      limits: {
        wall_ms: limits.wallMs,
        memory_bytes: limits.memoryBytes,
        keep_output_bytes: limits.keepOutputBytes,
        max_output_bytes: limits.maxOutputBytes,
      },
      ...(patience !== null && { patience_ms: patience }),
      ...(wait === 'in_turn' && { in_turn: true }),
      binary: true,
      from: Object.fromEntries(
        Object.entries(this.output).map(([stream, output]) => [stream, output.rejoin()]),
      ),
    };
  }
}

/** How long a run waits for its turn in the pod, in milliseconds; null: without limit. */
function patienceOf(wait: RunWait | undefined): number | null {
  if (wait === 'brief') return QUEUE_TIMEOUT_MS;
  return typeof wait === 'object' ? wait.patienceMs : null;
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** An `error` frame. By PROTOCOL.md, `invalid` and `key_taken` are final; others may succeed when retried. */
export class Refusal extends PlatformError {
  /** @param brief whether the run waits outside the pod when others come first */
  constructor(code: string, message: string, brief = false) {
    const isFinal = code === 'invalid' || code === 'key_taken';
    const name = isFinal ? 'Rejected' : brief && OTHERS_FIRST.includes(code) ? 'TestPodBusy' : 'Unavailable';
    super(name, `The test pod did not run the submission: ${message}`, { reason: code });
  }
}

/** A run whose requirements are missing needs an installation first, which is part of the next attempt. */
function mayBeJoinedAgain(error: unknown): boolean {
  return error instanceof PlatformError && error.name === 'Unavailable' && error.reason !== LAYER_MISSING;
}

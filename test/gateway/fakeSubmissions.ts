import { once } from 'node:events';
import { NothingFollows } from '../../gateway/progress/follow';
import type { AcceptedSubmission } from '../../gateway/protocol/acceptedSubmission';
import { InputRefused } from '../../gateway/submissions/stdinUpdates';
import type { InputPiece, InputState } from '../../workflows/contract';
import { UnknownPage } from '../../gateway/submissions/listing';
import type { SubmissionFilter } from '../../gateway/protocol/filter';
import {
  OperationNotFound,
  OperationRefused,
  type OperationState,
} from '../../gateway/submissions/operations';
import type { FinalFrame, SubmissionFrame } from '../../gateway/protocol/serverFrames';
import type { SubmissionList, SubmissionRecord } from '../../gateway/protocol/submissionRecord';
import {
  PlatformUnavailable,
  SubmissionConflict,
  SubmissionNotFound,
  type Submission,
  type Submissions,
} from '../../gateway/submissions/submissionService';

export const FLOOD_BYTES = 2_000_000;

/** A platform without servers: the code is a command that determines what happens to its submission. */
/** The one operation that exists. */
export const OPERATION_ID = '00000000-0000-4000-8000-000000000000';

export class FakeSubmissions implements Submissions {
  private readonly codes = new Map<string, string>();
  private readonly testOnly = new Set<string>();
  /** The last submission. */
  submitted: Submission | null = null;
  down = false;
  /** Bytes of input received so far. */
  received = 0;
  /** The filter of the last list request. */
  asked: object | null = null;
  /** Called when a submission is no longer followed. */
  onEnd: (submissionId: string) => void = () => undefined;
  /** The user whose submissions exist; null for those of all users. */
  readonly owner: string | null = null;

  within(userId: string): Submissions {
    return new Proxy(this, {
      get: (target, name): unknown => (name === 'owner' ? userId : Reflect.get(target, name)),
    });
  }

  submit(submission: Submission): Promise<AcceptedSubmission> {
    const { submissionId, userId, program, deploy } = submission;
    this.submitted = submission;
    const code = program.files['main.py'] ?? '';
    if (code === 'conflict') return Promise.reject(new SubmissionConflict('taken'));
    if (code === 'unavailable') return Promise.reject(new PlatformUnavailable('down'));
    if (code === 'bug') return Promise.reject(new Error('secret detail'));
    this.codes.set(submissionId, code);
    if (deploy === false) this.testOnly.add(submissionId);
    return Promise.resolve(this.accepted(submissionId, userId));
  }

  find(submissionId: string): Promise<AcceptedSubmission> {
    const accepted = this.accepted(submissionId, 'test');
    if (!this.codes.has(submissionId) || ![null, accepted.userId].includes(this.owner))
      return Promise.reject(new SubmissionNotFound('there is none'));
    return Promise.resolve(accepted);
  }

  async cancel(submissionId: string): Promise<'requested' | 'over'> {
    await this.find(submissionId);
    return this.codes.get(submissionId) === 'hang' ? 'requested' : 'over';
  }

  async input(submissionId: string, { offset, bytes, eof }: InputPiece): Promise<InputState> {
    await this.find(submissionId);
    const code = this.codes.get(submissionId);
    if (code !== 'hang') throw new InputRefused('not_running', 'it is over');
    if (offset !== null && offset !== this.received)
      throw new InputRefused('conflict', 'elsewhere', this.received);
    this.received += bytes;
    return { received: this.received, eof };
  }

  async status(submissionId: string): Promise<SubmissionRecord> {
    const { userId, namespace, workflowId, runId } = await this.find(submissionId);
    const isOver = !['hang', 'stream'].includes(this.codes.get(submissionId) ?? '');
    return {
      submission_id: submissionId,
      user_id: userId,
      status: isOver ? this.passed(submissionId) : 'running',
      namespace,
      reason: isOver ? 'live' : null,
      message: isOver ? 'It is live.' : null,
      code_digest: '0'.repeat(64),
      accepted_at: '2026-01-01T12:00:00.000Z',
      closed_at: null,
      workflow_id: workflowId,
      run_id: runId,
    };
  }

  async content(submissionId: string): Promise<Submission> {
    const { userId } = await this.find(submissionId);
    const files = { 'main.py': this.codes.get(submissionId) ?? '' };
    return {
      submissionId,
      userId,
      program: { language: 'python', files, entrypoint: 'main.py', requirements: [] },
      input: { stdin: '', args: [], env: {} },
      tests: null,
      limits: {},
      ...(this.testOnly.has(submissionId) && { deploy: false }),
    };
  }

  private passed(submissionId: string): 'deployed' | 'tests_passed' {
    return this.testOnly.has(submissionId) ? 'tests_passed' : 'deployed';
  }

  rollBack(user_id: string, submission_id: string): Promise<OperationState> {
    if (!this.codes.has(submission_id)) return Promise.reject(new OperationRefused('it never was live'));
    const live = { submission_id, code_digest: '0'.repeat(64) };
    const namespace = `user-${user_id}`;
    return Promise.resolve({ operation_id: 'o', user_id, namespace, status: 'done', message: 'Done.', live });
  }

  operation(user_id: string, operation_id: string): Promise<OperationState> {
    if (operation_id !== OPERATION_ID)
      return Promise.reject(new OperationNotFound('there is no such operation'));
    const namespace = `user-${user_id}`;
    return Promise.resolve({
      operation_id,
      user_id,
      namespace,
      status: 'running',
      message: 'Wait.',
      live: null,
    });
  }

  /** Page tokens are numbers. */
  async list({ page, limit, ...filter }: SubmissionFilter): Promise<SubmissionList> {
    this.asked = filter;
    const from = Number(page ?? 0);
    if (Number.isNaN(from)) throw new UnknownPage('there is no such page');
    const ids = [...this.codes.keys()];
    const records = await Promise.all(ids.slice(from, from + limit).map((id) => this.status(id)));
    return { submissions: records, next_page: from + limit < ids.length ? String(from + limit) : null };
  }

  private accepted(submissionId: string, userId: string): AcceptedSubmission {
    return { submissionId, userId, workflowId: 'w', runId: 'r', namespace: `user-${userId}` };
  }

  async *follow(
    accepted: AcceptedSubmission,
    { progress, after, signal }: Parameters<Submissions['follow']>[1],
  ) {
    const code = this.codes.get(accepted.submissionId);
    if (after?.event === 2) throw new NothingFollows('the final frame was seen');
    try {
      if (progress && after === null) yield acceptedFrame(accepted);
      while (code === 'stream' && progress && !signal.aborted)
        yield outputFrame(accepted, 'x'.repeat(65_536));
      if (code === 'print' && progress) yield outputFrame(accepted, 'Hello\nWörld\n');
      if (code === 'long' && progress) yield* longOutput(accepted);
      if (code === 'hang' && !signal.aborted) await once(signal, 'abort');
      if (signal.aborted) return;
      const stdout = code === 'flood' ? 'x'.repeat(FLOOD_BYTES) : '';
      yield { ...finalFrame(accepted, stdout), status: this.passed(accepted.submissionId) };
    } finally {
      this.onEnd(accepted.submissionId);
    }
  }

  ready() {
    return this.down ? Promise.reject(new Error('Temporal is away')) : Promise.resolve();
  }
}

function acceptedFrame({ submissionId, workflowId, runId, namespace }: AcceptedSubmission): SubmissionFrame {
  return {
    type: 'accepted',
    submission_id: submissionId,
    cursor: '1.0',
    namespace,
    workflow_id: workflowId,
    run_id: runId,
    at: '2026-01-01T12:00:00.000Z',
  };
}

function finalFrame({ submissionId, runId, namespace }: AcceptedSubmission, stdout: string): FinalFrame {
  return {
    status: 'deployed',
    namespace,
    submission_id: submissionId,
    reason: 'live',
    message: 'It is live.',
    exit_code: 0,
    signal: null,
    serving: false,
    error: null,
    tests: null,
    migration: null,
    rollout: null,
    superseded_by: null,
    wall_ms: 1,
    cpu_ms: 1,
    peak_memory_bytes: 1,
    sandbox: 'landlock',
    url: null,
    live: null,
    stdout,
    stderr: '',
    stdout_bytes: stdout.length,
    stderr_bytes: 0,
    durations_ms: { total: 1 },
    workflow_id: 'w',
    run_id: runId,
    cursor: '2.0',
  };
}

/** Emits `ab`, six omitted bytes, and `ij`. */
function* longOutput(accepted: AcceptedSubmission): Generator<SubmissionFrame> {
  const frame = outputFrame(accepted, 'ab') as Extract<SubmissionFrame, { type: 'output' }>;
  yield { ...frame, cursor: '1.e.2.0' };
  yield { ...frame, cursor: '1.e.8.0', offset: 2, bytes: 0, text: '', omitted_bytes: 6 };
  yield { ...frame, cursor: '1.e.10.0', offset: 8, text: 'ij' };
}

function outputFrame({ submissionId }: AcceptedSubmission, text: string): SubmissionFrame {
  return {
    type: 'output',
    submission_id: submissionId,
    cursor: '1.e.1.0',
    step: 'run',
    stream: 'stdout',
    offset: 0,
    bytes: Buffer.byteLength(text),
    text,
  };
}

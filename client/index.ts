/** The TypeScript client of the gateway's HTTP API, for other programs. The command line (client/cli) uses it too. */
import type {
  CancelFrame,
  FinalFrame,
  ServerFrame,
  StdinFrame,
  SubmissionFrame,
} from '../gateway/protocol/serverFrames';
import type { SubmitMessage } from '../gateway/protocol/submitMessage';
import type { SubmissionFilter } from '../gateway/protocol/filter';
import type {
  SubmissionDetails,
  SubmissionList,
  SubmissionRecord,
} from '../gateway/protocol/submissionRecord';
import type { LogEvent, LogQuery } from '../gateway/http/logs';
import type { OperationState } from '../gateway/submissions/operations';
import { ApiError, throwUnlessOk, Unreachable } from './apiError';
import { eventsIn } from './eventStream';

export { ApiError, Unreachable };
export type {
  CancelFrame,
  FinalFrame,
  LogEvent,
  LogQuery,
  OperationState,
  StdinFrame,
  SubmissionDetails,
  SubmissionFrame,
  SubmissionList,
  SubmissionRecord,
};

/** What you submit. The client generates a missing `submission_id`, so that a retry is safe. */
export type Submission = Omit<SubmitMessage, 'type'>;
export type Filter = Partial<SubmissionFilter>;

export interface ClientSettings {
  /** URL of the gateway, such as `http://localhost:8000`. If there are several, each can handle any call. */
  url: string;
  key: string;
  /** How long a call is retried while no gateway is available, in milliseconds. */
  patienceMs?: number;
}

const PATIENCE_MS = 60_000;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/**
 * A client of the gateway. Retries calls while it is unavailable, and resumes streams after their last frame.
 */
export class OrchestrationClient {
  constructor(private readonly settings: ClientSettings) {}

  /**
   * Submits code, or joins the submission with the same id.
   * @param waitSeconds how long to wait for the verdict @throws ApiError, Unreachable
   */
  submit(submission: Submission, { waitSeconds = 0 } = {}): Promise<SubmissionDetails> {
    const { submission_id = crypto.randomUUID() } = submission;
    return this.json('POST', `/api/submissions?wait=${waitSeconds}`, { ...submission, submission_id });
  }

  /** @throws ApiError, Unreachable */
  status(submissionId: string, { waitSeconds = 0 } = {}): Promise<SubmissionDetails> {
    return this.json('GET', `${one(submissionId)}?wait=${waitSeconds}`);
  }

  /** Returns one page. Pass its `next_page` as `page` to get the next one. @throws ApiError, Unreachable */
  list(filter: Filter = {}): Promise<SubmissionList> {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(filter))
      if (value !== undefined) query.set(name, String(value));
    return this.json('GET', `/api/submissions?${query.toString()}`);
  }

  /** @throws ApiError, Unreachable */
  cancel(submissionId: string): Promise<CancelFrame> {
    return this.json('POST', `${one(submissionId)}/cancel`);
  }

  /**
   * Sends more input to the program of an `interactive` submission. Retries are safe, because of the offset.
   * @param offset number of bytes sent before: the `received` of the previous call
   * @throws ApiError, Unreachable
   */
  stdin(
    submissionId: string,
    data: Uint8Array | string,
    { offset, eof = false }: { offset: number; eof?: boolean },
  ): Promise<StdinFrame> {
    const text = typeof data === 'string' ? { data } : { data: base64(data), encoding: 'base64' };
    return this.json('POST', `${one(submissionId)}/stdin`, { ...text, offset, eof });
  }

  /** Returns what a user has in production. @throws ApiError, Unreachable */
  live(userId: string): Promise<unknown> {
    return this.json('GET', `/api/users/${encodeURIComponent(userId)}/live`);
  }

  /**
   * Deploys an earlier submission again, and waits for the end of that. The client does not repeat the request for it.
   * @throws ApiError, Unreachable
   */
  async rollback(userId: string, submissionId: string): Promise<OperationState> {
    const path = `/api/users/${encodeURIComponent(userId)}`;
    const request = { submission_id: submissionId };
    let state: OperationState = await this.json('POST', `${path}/rollback`, request, { patienceMs: 0 });
    while (state.status === 'running')
      state = await this.json('GET', `${path}/operations/${state.operation_id}`);
    return state;
  }

  /** Yields the bytes that the program prints, until its tests end. @throws ApiError, Unreachable */
  async *output(
    submissionId: string,
    { stream }: { stream?: 'stdout' | 'stderr' } = {},
  ): AsyncGenerator<Uint8Array> {
    const response = await this.call(
      'GET',
      `${one(submissionId)}/output${stream ? `?stream=${stream}` : ''}`,
    );
    if (response.body) yield* response.body;
  }

  /**
   * Yields each line of a user's pods once, including lines of deleted pods. With `follow`, continues with
   * new lines until the signal is aborted.
   * @throws ApiError, Unreachable
   */
  async *logs(
    userId: string,
    query: Partial<LogQuery> = {},
    { signal, onBreak }: FollowOptions = {},
  ): AsyncGenerator<LogEvent> {
    const search = new URLSearchParams(
      Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
    );
    const path = `/api/users/${encodeURIComponent(userId)}/logs?${search.toString()}`;
    let last: string | undefined;
    for (;;) {
      const headers = { Accept: 'text/event-stream', ...(last !== undefined && { 'Last-Event-ID': last }) };
      const response = await this.call('GET', path, undefined, { headers, signal });
      try {
        for await (const { id, data } of eventsIn(response.body ?? new ReadableStream())) {
          last = id ?? last;
          yield JSON.parse(data) as LogEvent;
        }
        if (query.follow !== 'true') return;
      } catch (error) {
        if (signal?.aborted) throw error;
        onBreak?.(error);
      }
    }
  }

  /**
   * Yields each frame after the cursor once, up to the final frame. Reconnects when the connection breaks.
   * @throws ApiError, Unreachable if no gateway could be reached for `patienceMs`
   */
  async *follow(
    submissionId: string,
    { after, signal, onBreak }: FollowOptions & { after?: string } = {},
  ): AsyncGenerator<SubmissionFrame> {
    let cursor = after;
    for (;;) {
      const headers: Record<string, string> = cursor === undefined ? {} : { 'Last-Event-ID': cursor };
      const response = await this.call('GET', `${one(submissionId)}/events`, undefined, { headers, signal });
      if (response.status === 204 || !response.body) return;
      try {
        for await (const { id, data } of eventsIn(response.body)) {
          const frame = JSON.parse(data) as ServerFrame;
          if ('type' in frame && frame.type === 'error') throw new ApiError(response.status, frame);
          cursor = id ?? cursor;
          yield frame as SubmissionFrame;
          if ('status' in frame) return;
        }
      } catch (error) {
        if (error instanceof ApiError || signal?.aborted) throw error;
        onBreak?.(error);
      }
    }
  }

  private async json<T>(method: string, path: string, body?: object, options: CallOptions = {}): Promise<T> {
    return (await (await this.call(method, path, body, options)).json()) as T;
  }

  /**
   * Retries while no gateway is available. That is safe: retried calls that change something name their
   * submission.
   */
  private async call(
    method: string,
    path: string,
    body?: object,
    { headers, signal, patienceMs = this.settings.patienceMs ?? PATIENCE_MS }: CallOptions = {},
  ): Promise<Response> {
    const { url, key } = this.settings;
    const deadline = Date.now() + patienceMs;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      try {
        const response = await fetch(new URL(path, url), {
          method,
          headers: { 'X-API-Key': key, ...(body && { 'Content-Type': 'application/json' }), ...headers },
          ...(body && { body: JSON.stringify(body) }),
          ...(signal && { signal }),
        });
        return await throwUnlessOk(response);
      } catch (error) {
        const isTemporary =
          error instanceof ApiError ? error.code === 'unavailable' : error instanceof TypeError;
        if (signal?.aborted || !isTemporary) throw error;
        if (Date.now() + pause > deadline)
          throw error instanceof ApiError
            ? error
            : new Unreachable(`no gateway answers at ${url}`, { cause: error });
        await new Promise((resolve) => setTimeout(resolve, pause));
      }
    }
  }
}

interface FollowOptions {
  signal?: AbortSignal;
  /** Called when the connection breaks, before the client reconnects. */
  onBreak?: (reason: unknown) => void;
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}

interface CallOptions {
  headers?: Record<string, string>;
  signal?: AbortSignal | undefined;
  patienceMs?: number;
}

function one(submissionId: string): string {
  return `/api/submissions/${encodeURIComponent(submissionId)}`;
}

import { isInputError, type ErrorFrame, type Frame } from './frames';

export type ConnectionState = 'connecting' | 'open' | 'lost' | 'logged_out';

/** What to send to resume a submission: its submit message until it is accepted, then its last cursor. */
interface FollowedSubmission {
  message: object | null;
  cursor: string | null;
}

const RECONNECT_DELAY_MS = { initial: 500, max: 10_000 };

/** Close code for a key that was revoked or has expired, or a login that has ended. */
const CLOSE_KEY_ENDED = 4003;

/**
 * A WebSocket that reconnects automatically. Submissions in progress are resumed after the last frame that
 * was seen. One that was not accepted yet is sent again, and the gateway joins it to the first.
 */
export class Connection {
  private socket: WebSocket | null = null;
  private readonly followed = new Map<string, FollowedSubmission>();
  private reconnectDelay = RECONNECT_DELAY_MS.initial;
  private reconnectTimer: number | undefined;
  private closed = false;

  constructor(
    private readonly onState: (state: ConnectionState) => void,
    private readonly onFrame: (frame: Frame) => void,
  ) {
    window.addEventListener('online', this.reconnect);
    this.connect();
  }

  submit(message: { submission_id: string; [field: string]: unknown }): void {
    this.follow(message.submission_id, { message, cursor: null });
  }

  /** Follows a submission from the beginning. */
  resume(submissionId: string): void {
    this.follow(submissionId, { message: null, cursor: null });
  }

  /** @returns false if there is no connection */
  cancel(submissionId: string): boolean {
    return this.send({ type: 'cancel', submission_id: submissionId });
  }

  /**
   * Sends more input to a running program. `offset` is the number of bytes sent before.
   * @returns false if there is no connection
   */
  input(submissionId: string, offset: number, data: string, eof: boolean): boolean {
    return this.send({ type: 'stdin', submission_id: submissionId, offset, data, eof });
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.reconnectTimer);
    window.removeEventListener('online', this.reconnect);
    this.socket?.close();
  }

  private follow(submissionId: string, followed: FollowedSubmission): void {
    if (this.followed.has(submissionId)) return;
    this.followed.set(submissionId, followed);
    this.request(submissionId, followed);
  }

  private request(submissionId: string, { message, cursor }: FollowedSubmission): void {
    this.send(message ?? { type: 'resume', submission_id: submissionId, ...(cursor !== null && { cursor }) });
  }

  private send(message: object): boolean {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  private connect(): void {
    this.onState('connecting');
    const scheme = window.location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${window.location.host}/ws/code`);
    this.socket = socket;
    socket.onopen = () => {
      this.reconnectDelay = RECONNECT_DELAY_MS.initial;
      this.onState('open');
      for (const [submissionId, followed] of this.followed) this.request(submissionId, followed);
    };
    socket.onmessage = ({ data }: MessageEvent<string>) => this.handleFrame(JSON.parse(data) as Frame);
    socket.onclose = ({ code }) => void this.handleClose(code);
  }

  private handleFrame(frame: Frame): void {
    const followed = this.followed.get(frame.submission_id ?? '');
    if (followed && frame.submission_id !== undefined) {
      if (frame.type === undefined || (frame.type === 'error' && isFinal(frame)))
        this.followed.delete(frame.submission_id);
      else if ('cursor' in frame && frame.cursor !== undefined) {
        followed.cursor = frame.cursor;
        followed.message = null;
      }
    }
    this.onFrame(frame);
  }

  /** A refused upgrade looks like a lost network, so ask the gateway whether the login has ended. */
  private async handleClose(code: number): Promise<void> {
    if (this.closed) return;
    const session = code === CLOSE_KEY_ENDED ? null : await fetch('/session').catch(() => null);
    if (code === CLOSE_KEY_ENDED || session?.status === 401) return this.onState('logged_out');
    this.onState('lost');
    this.reconnectTimer = window.setTimeout(this.reconnect, this.reconnectDelay);
    this.reconnectDelay = Math.min(this.reconnectDelay * 2, RECONNECT_DELAY_MS.max);
  }

  private readonly reconnect = (): void => {
    window.clearTimeout(this.reconnectTimer);
    if (!this.closed && this.socket?.readyState === WebSocket.CLOSED) this.connect();
  };
}

/** Whether no frames follow after this error. After any other error, the submission continues. */
function isFinal(error: ErrorFrame): boolean {
  return error.code !== 'unavailable' && error.code !== 'internal' && !isInputError(error);
}

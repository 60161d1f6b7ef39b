import { createHash } from 'node:crypto';
import type { Writable } from 'node:stream';
import { ApiException } from '@kubernetes/client-node';
import type { V1Pod, V1Status } from '@kubernetes/client-node';
import type { Kube } from '../../../../infrastructure/kubernetes/api/client';

/** How an exec into the pod answers its requests: by frames, and by bytes that follow a frame. */
export type Conversation = (
  say: (frame: object | Buffer) => void,
  hangUp: () => void,
  request: Request,
) => void;

export interface Request {
  op: string;
  key: string;
  channel: string;
  from?: { stdout: number; stderr: number };
  binary?: boolean;
}

/** A cluster with one pod; each exec uses the next of the given conversations. */
export class FakePod {
  readonly requests: Request[] = [];
  pod: V1Pod | null = {
    status: { phase: 'Running', containerStatuses: [{ ...container, state: { running: {} } }] },
  };
  status: V1Status | null = null;

  constructor(private readonly conversations: Conversation[]) {}

  get kube(): Kube {
    const exec = (...args: ExecArguments) => this.exec(...args);
    const readNamespacedPod = () =>
      this.pod === null ? Promise.reject(new ApiException(404, '', '', {})) : Promise.resolve(this.pod);
    return { exec: { exec }, core: { readNamespacedPod } } as unknown as Kube;
  }

  private exec(...[, , , , stdout, , stdin, , onStatus]: ExecArguments) {
    const socket = { onclose: () => undefined as void, close: () => undefined };
    const conversation = this.conversations.shift();
    const { status } = this;
    if (status !== null) setImmediate(() => onStatus(status));
    stdin.on('data', (data: Buffer) => {
      for (const line of data.toString('utf8').trim().split('\n')) {
        const request = JSON.parse(line) as Request;
        if (request.op === 'leave') continue;
        this.requests.push(request);
        const { channel } = request;
        const say = (frame: object) =>
          stdout.write(
            frame instanceof Buffer ? frame : Buffer.from(`${JSON.stringify({ channel, ...frame })}\n`),
          );
        setImmediate(() => conversation?.(say, () => socket.onclose(), request));
      }
    });
    return Promise.resolve(socket);
  }
}

/** The frames of a program that printed this text and passed. */
export function endOf(stdout: string) {
  const nothing = { bytes: 0, head_bytes: 0, tail_bytes: 0, sha256: hash('') };
  const result = {
    outcome: 'passed',
    exit_code: 0,
    signal: null,
    wall_ms: 20,
    cpu_ms: 15,
    peak_memory_bytes: 16_000_000,
    serving: false,
    execution: 'e1',
    check: null,
    sandbox: 'landlock',
    stdout: { bytes: stdout.length, head_bytes: stdout.length, tail_bytes: 0, sha256: hash(stdout) },
    stderr: nothing,
    report: nothing,
  };
  return { type: 'end', result };
}

export const outputOf = (text: string, offset = 0) => ({
  type: 'output',
  stream: 'stdout',
  offset,
  data: Buffer.from(text).toString('base64'),
});

export const accepted = {
  type: 'accepted',
  protocol: 3,
  state: 'running',
  position: 0,
  pod_uid: 'uid-1',
  execution: 'e1',
};

const container = { name: 'runner', image: 'test', imageID: '', ready: true, restartCount: 0 };

const hash = (text: string) => createHash('sha256').update(text).digest('hex');

type ExecArguments = [
  string,
  string,
  string,
  string[],
  Writable,
  Writable,
  NodeJS.ReadableStream,
  boolean,
  (status: V1Status) => void,
];

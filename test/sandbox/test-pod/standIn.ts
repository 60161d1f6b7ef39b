import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { FrameReader, type Frame as WorkerFrame } from '../../../infrastructure/kubernetes/testPod/frames';

const SOURCE = join(__dirname, '../../../sandbox');

const INDEX = join(__dirname, 'package_index.py');

/** The namespaces of a container. */
const NAMESPACES = ['--fork', '--pid', '--mount', '--net', '--ipc'];

/** As in Dockerfile.test and required by Pod Security `restricted`. */
const AS_RUNNER = ['--reuid=10001', '--regid=10001', '--clear-groups', '--no-new-privs'];
const WITHOUT_RIGHTS = ['--bounding-set=-all', '--inh-caps=-all'];
const INTERPRETER = ['/opt/test-pod/bin/python3', '-I', '-S'];

/** The reason why no stand-in pod can be started here, or null. */
export function reasonToSkip(): string | null {
  if (process.platform !== 'linux') return 'it needs Linux';
  if (process.getuid?.() !== 0) return 'it needs root, to make namespaces';
  try {
    execFileSync('unshare', [...NAMESPACES, '/usr/bin/python3', '--version'], { stdio: 'pipe' });
    return null;
  } catch (error) {
    return `unshare or /usr/bin/python3 does not work: ${String(error)}`;
  }
}

export interface Result {
  outcome: string;
  exit_code: number | null;
  signal: string | null;
  check: string | null;
  serving: boolean;
  execution: string;
  wall_ms: number;
  cpu_ms: number;
  stdout: { bytes: number; sha256: string };
}

interface Frame {
  type: string;
  code?: string;
  message?: string;
  stream?: string;
  position?: number;
  data?: string;
  result?: Result;
  /** In answers to `input`. */
  received?: number;
  over?: boolean;
  /** In answers to `read`. */
  to?: number;
}

/** A pod without Kubernetes: the real supervisor as PID 1 of separate namespaces (pod.sh). */
export class StandIn {
  /** Lines of the pod's log so far. */
  readonly log: string[] = [];

  private constructor(
    private readonly process: ChildProcess,
    private readonly supervisor: string,
  ) {}

  /** @param options arguments of pod.sh */
  static async start(...options: string[]): Promise<StandIn> {
    const child = spawn('unshare', [...NAMESPACES, join(__dirname, 'pod.sh'), SOURCE, ...options], {
      // Errors that it reports are expected when a test injects faults.
      stdio: ['ignore', 'pipe', options.includes('with-faults') ? 'ignore' : 'inherit'],
    });
    const lines = createInterface(child.stdout);
    const ended = once(child, 'exit').then(([code]) => {
      throw new Error(`pod.sh ended with ${code} before the supervisor was ready.`);
    });
    const [first] = (await Promise.race([once(lines, 'line'), ended])) as [string];
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    const standIn = new StandIn(child, children.trim());
    standIn.log.push(first);
    lines.on('line', (line) => standIn.log.push(line));
    return standIn;
  }

  /** Stops the supervisor, as a kubelet would; it obeys signals from outside its namespace. */
  async stop(): Promise<void> {
    const exited = once(this.process, 'exit');
    const group = /^\d+:memory:(\/.*stand-in\..*)$/m.exec(
      readFileSync(`/proc/${this.supervisor}/cgroup`, 'utf8'),
    );
    process.kill(Number(this.supervisor), 'SIGTERM');
    await exited;
    if (group?.[1]) rmdirSync(join('/sys/fs/cgroup/memory', group[1]));
  }

  /** Starts a package index on the pod's loopback (package_index.py), as a process outside the pod. */
  async startIndex(): Promise<{ url: string; stop: () => Promise<void> }> {
    const server = spawn('nsenter', ['-t', this.supervisor, '--net', '/usr/bin/python3', INDEX], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(server, 'exit');
    const [port] = (await once(createInterface(server.stdout), 'line')) as [string];
    const stop = async () => {
      server.kill();
      await exited;
    };
    return { url: `http://worker:secret@127.0.0.1:${port}/simple`, stop };
  }

  /**
   * Sends a frame over a new relay and collects all frames until the last one of the conversation. `queued`
   * contains each reported position.
   * @param onAccepted called when the supervisor has accepted the run
   */
  async ask(
    frame: object,
    onAccepted: () => void = () => undefined,
  ): Promise<{ last: Frame; stdout: string; stderr: string; report: string; queued: number[] }> {
    const relay = this.startRelay();
    const exited = once(relay, 'exit');
    const kept: Record<string, Buffer[]> = { stdout: [], stderr: [], report: [] };
    const queued: number[] = [];
    const text = (stream: string) => Buffer.concat(kept[stream] ?? []).toString('utf8');
    try {
      relay.stdin.write(`${JSON.stringify(frame)}\n`);
      // These are not answered.
      if (['cancel', 'say'].includes((frame as { op?: string }).op ?? ''))
        relay.stdin.write(`${JSON.stringify({ op: 'ping' })}\n`);
      for await (const line of createInterface(relay.stdout)) {
        const answer = JSON.parse(line) as Frame;
        if (answer.type === 'accepted') onAccepted();
        if (answer.type === 'output')
          kept[answer.stream ?? '']?.push(Buffer.from(answer.data ?? '', 'base64'));
        if (answer.type === 'queued') queued.push(answer.position ?? 0);
        if (['end', 'error', 'pong', 'input', 'read'].includes(answer.type))
          return {
            last: answer,
            stdout: text('stdout'),
            stderr: text('stderr'),
            report: text('report'),
            queued,
          };
      }
      throw new Error('The relay ended before the conversation did.');
    } finally {
      relay.stdin.end();
      await exited;
    }
  }

  /** Sends a frame over a new relay, and reads the answer as a worker does, up to the last frame of the conversation. */
  async askAsWorker(frame: object): Promise<WorkerFrame[]> {
    const relay = this.startRelay();
    const exited = once(relay, 'exit');
    const reader = new FrameReader();
    const frames: WorkerFrame[] = [];
    try {
      relay.stdin.write(`${JSON.stringify(frame)}\n`);
      for await (const piece of relay.stdout) {
        frames.push(...reader.push(piece as Buffer));
        if (['end', 'error', 'read'].includes(frames.at(-1)?.type ?? '')) return frames;
      }
      throw new Error('The relay ended before the conversation did.');
    } finally {
      relay.stdin.end();
      await exited;
    }
  }

  private startRelay() {
    return spawn('nsenter', [
      ...['-t', this.supervisor, '--pid', '--mount', '--net', '--ipc', '--root', '--wdns=/'],
      ...['setpriv', ...AS_RUNNER, ...WITHOUT_RIGHTS, ...INTERPRETER, '/opt/test-pod/relay.py'],
    ]);
  }

  /** Runs a program, and checks its output against the end record. */
  async run(code: string, overrides: object = {}): Promise<Result & { text: string }> {
    const { last, stdout } = await this.ask(runFrame(code, overrides));
    if (last.result === undefined) throw new Error(`No result: ${JSON.stringify(last)}`);
    expect(createHash('sha256').update(stdout).digest('hex')).toBe(last.result.stdout.sha256);
    return { ...last.result, text: stdout };
  }
}

let runs = 0;

export function runFrame(code: string, overrides: object = {}) {
  runs++;
  return {
    op: 'run',
    key: `key-${runs}`,
    submission_id: `${runs}-submission`,
    files: { 'main.py': Buffer.from(code).toString('base64') },
    entrypoint: 'main.py',
    limits: {
      wall_ms: 5_000,
      memory_bytes: 256 * 1024 * 1024,
      keep_output_bytes: 1_000,
      max_output_bytes: 1_000_000,
    },
    ...overrides,
  };
}

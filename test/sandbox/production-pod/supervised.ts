import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { reservePort } from '../../reservedPorts';

const SANDBOX = join(__dirname, '..', '..', '..', 'sandbox');

/** A test program under the real sandbox/production-pod/entry.py, without a container. */
export class Supervised {
  readonly port: number;
  output = '';
  private readonly exited: Promise<number>;
  private readonly work = mkdtempSync(join(tmpdir(), 'supervised-'));
  private readonly child;
  private readonly readyPort: number;

  /**
   * @param program its file, or all arguments of entry.py; a string is split at spaces
   * @param changed a Python statement that changes a constant, for tests that cannot wait that long
   */
  static async start(
    program: string | string[],
    environment: Record<string, string> = {},
    changed = '',
  ): Promise<Supervised> {
    const [port, readyPort] = await Promise.all([reservePort(), reservePort()]);
    return new Supervised(program, environment, changed, port, readyPort);
  }

  private constructor(
    program: string | string[],
    environment: Record<string, string>,
    changed: string,
    port: number,
    readyPort: number,
  ) {
    this.port = port;
    this.readyPort = readyPort;
    const given = typeof program === 'string' ? program.split(' ') : program;
    const main = `import sys, await_database, drain, entry, readiness\n${changed}\nsys.exit(entry.main(sys.argv[1:]))`;
    // As in the image, unless a constant is changed.
    const entry = changed === '' ? [join(SANDBOX, 'production-pod', 'entry.py')] : ['-c', main];
    this.child = spawn('python3', ['-S', '-u', ...entry, ...given], {
      env: {
        ...process.env,
        PROGRAM_DIRECTORY: join(__dirname, 'programs'),
        WORK_DIRECTORY: this.work,
        LANGUAGES_DIRECTORY: join(SANDBOX, 'languages'),
        PYTHONPATH: [join(SANDBOX, 'production-pod'), join(SANDBOX, 'shared')].join(':'),
        PYTHONDONTWRITEBYTECODE: '1',
        PORT: String(port),
        READY_PORT: String(readyPort),
        ...environment,
      },
    });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    this.exited = once(this.child, 'close').then(([code]) => code as number);
  }

  /** Resolves when the output contains the text; the test's timeout limits the wait. */
  async printed(text: string): Promise<void> {
    while (!this.output.includes(text))
      await Promise.race([
        once(this.child.stdout, 'data'),
        once(this.child.stderr, 'data'),
        this.exited.then((code) => {
          if (!this.output.includes(text)) throw new Error(`Ended with ${code}, printed: ${this.output}`);
        }),
      ]);
  }

  /** Resolves when a probe is no longer refused. */
  async listensForProbes(): Promise<void> {
    for (;;) {
      const socket = connect(this.readyPort, '127.0.0.1');
      const [accepted] = await Promise.race([
        once(socket, 'connect').then(() => [true]),
        once(socket, 'close').then(() => [false]),
      ]).catch(() => [false]);
      socket.destroy();
      if (accepted) return;
      await wait(10);
    }
  }

  /** The status and reason that a probe receives. */
  async probe(): Promise<{ status: number; why: string }> {
    const response = await fetch(`http://127.0.0.1:${this.readyPort}/ready`);
    return { status: response.status, why: (await response.text()).trim() };
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  exitCode(): Promise<number> {
    return this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGTERM');
    this.child.kill('SIGTERM');
    await this.exited;
    rmSync(this.work, { recursive: true, force: true });
  }
}

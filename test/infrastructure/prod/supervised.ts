import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const INFRASTRUCTURE = join(__dirname, '..', '..', '..', 'infrastructure');
const ENTRY = join(INFRASTRUCTURE, 'prod', 'entry.py');

/** A fixture program under the real infrastructure/prod/entry.py, without a container around it. */
export class Supervised {
  readonly port: number;
  output = '';
  private readonly exited: Promise<number>;
  private readonly work = mkdtempSync(join(tmpdir(), 'supervised-'));
  private readonly child;
  private readonly readyPort: number;

  /** @param program its file, with options of entry.py before it, separated by spaces */
  static async start(program: string, environment: Record<string, string> = {}): Promise<Supervised> {
    const [port, readyPort] = await Promise.all([freePort(), freePort()]);
    return new Supervised(program, environment, port, readyPort);
  }

  private constructor(program: string, environment: Record<string, string>, port: number, readyPort: number) {
    this.port = port;
    this.readyPort = readyPort;
    this.child = spawn('python3', ['-u', ENTRY, ...program.split(' ')], {
      env: {
        ...process.env,
        PROGRAM_DIRECTORY: join(__dirname, 'programs'),
        WORK_DIRECTORY: this.work,
        LANGUAGES_DIRECTORY: join(INFRASTRUCTURE, 'languages'),
        PYTHONPATH: join(INFRASTRUCTURE, 'pods'),
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

  /** Resolves when the output has the text; the test's own timeout is the limit. */
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

  /** What a probe gets: status and reason. */
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

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

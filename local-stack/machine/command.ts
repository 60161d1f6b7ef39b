import { spawn, type SpawnOptions } from 'node:child_process';

/** How to run a command to completion. */
export interface CommandOptions extends Pick<SpawnOptions, 'cwd' | 'signal'> {
  environment?: Record<string, string | undefined>;
  /** Written to its standard input. */
  input?: string | undefined;
  /** Called with each line of standard error while it runs. */
  onErrorLine?: (line: string) => void;
  /** Milliseconds after which it is killed and the call rejects. Unlimited when undefined. */
  timeout?: number;
}

/** How many characters of a failed command's output its error contains. */
const tailLength = 2000;

/**
 * Runs a command to completion, without a shell.
 * @returns its standard output.
 * @throws Error with the command, how it ended, and the end of its output.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: { ...process.env, ...options.environment },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    // A separate process group: Ctrl-C reaches only this process, which stops things in order.
    detached: true,
    timeout: options.timeout,
    signal: options.signal,
    killSignal: 'SIGKILL',
  });
  running.add(child);
  const output: string[] = [];
  let errors = '';
  let unfinishedLine = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-tailLength);
    const lines = (unfinishedLine + text).split('\n');
    unfinishedLine = lines.pop() ?? '';
    lines.forEach((line) => options.onErrorLine?.(line));
  });
  child.stdin?.on('error', () => undefined).end(options.input);
  return new Promise((resolve, reject) => {
    const named = [command, ...args].join(' ');
    child.once('error', (error) => {
      running.delete(child);
      reject(new Error(`Could not run ${named}: ${error.message}`));
    });
    child.once('close', (code, signal) => {
      running.delete(child);
      if (code === 0) return resolve(output.join(''));
      const end = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
      const tail = (errors.trim() || output.join('').trim()).slice(-tailLength);
      reject(new Error(`${named}\n${end}.${tail ? ` The end of its output:\n${tail}` : ''}`));
    });
  });
}

/** The running commands, so that an interrupted start does not leave a compiler running. */
const running = new Set<ReturnType<typeof spawn>>();

/** Kills every running command with its children. */
export function killRunningCommands(): void {
  for (const child of running) {
    try {
      if (child.pid) process.kill(-child.pid, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { nodeProcess } from '../build';

/** A process of the platform under test. */
export interface RunningProcess {
  pid: number;
  /** The JSON line with which it reported that it is ready. */
  ready: Record<string, unknown>;
  /** Sends a signal, and waits until the process has exited. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/**
 * Starts a TypeScript entry file and waits until it logs `readyMessage`.
 * @throws Error with all its output, when it ends before.
 */
export async function startProcess(
  entry: string,
  readyMessage: string,
  environment: Record<string, string>,
  nodeOptions: string[] = [],
): Promise<RunningProcess> {
  const { args, environment: ofBuild } = nodeProcess(entry);
  const child = spawn(process.execPath, [...nodeOptions, ...args], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...ofBuild, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit');
  const printed: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => printed.push(line));

  const ready = await new Promise<Record<string, unknown>>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      printed.push(line);
      const event = parse(line);
      if (event?.msg === readyMessage) resolve(event);
    });
    void exited.then(() => reject(new Error(`${entry} ended before it was ready:\n${printed.join('\n')}`)));
  });

  return {
    pid: child.pid!,
    ready,
    async stop(signal = 'SIGTERM') {
      child.kill(signal);
      await exited;
    },
  };
}

function parse(line: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined; // A line that is not JSON is not the awaited one; `printed` contains it.
  }
}

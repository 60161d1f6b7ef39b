import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { nodeProcess } from '../build';

/** Runs a command of the project to completion. @returns its exit code and output, stdout before stderr */
export function runScript(
  path: string,
  args: string[],
  environment: Record<string, string>,
): Promise<{ code: number; output: string }> {
  const node = nodeProcess(path);
  return new Promise((done) => {
    execFile(
      process.execPath,
      [...node.args, ...args],
      {
        cwd: resolve(__dirname, '..', '..'),
        env: { ...process.env, ...node.environment, ...environment },
        timeout: 120_000,
      },
      (error, stdout, stderr) => done({ code: error ? Number(error.code) : 0, output: stdout + stderr }),
    );
  });
}

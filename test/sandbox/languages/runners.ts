import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Readable } from 'node:stream';
import { readFrameworkReport } from '../../../activities/frameworkReport';
import { nodeProgram } from '../../../local-stack/artifacts/nodeProgram';
import { Progress } from '../../../local-stack/machine/progress';
import { readSettings } from '../../../local-stack/settings';
import { pass } from '../../scripted/ports';

const LANGUAGES = join(__dirname, '../../../sandbox/languages');

export type Framework = 'pytest' | 'unittest' | 'test';
export type Files = Record<string, string>;

/**
 * Runs a framework's runner on these files, as the test pod does, and parses its report as the worker does.
 */
export async function verdictOf(framework: Framework, files: Files, own: Files = {}) {
  const names = Object.keys(files);
  const command =
    framework === 'test'
      ? [await node(), join(LANGUAGES, 'javascript/run_tests.mjs'), ...names]
      : [python(), '-u', join(LANGUAGES, `python/run_${framework}.py`), ...names];
  const ended = await run(command, { ...own, ...files });
  const { exitCode, signal, report, stderr } = ended;
  const outcome = signal !== null ? 'killed_by_signal' : exitCode === 0 ? 'passed' : 'failed';
  return { ...readFrameworkReport({ ...pass, outcome, exitCode, signal, report }), exitCode, report, stderr };
}

/** Runs a command in a new folder with these files, and captures its output. */
export async function run([program = '', ...args]: string[], files: Files) {
  const outside = mkdtempSync(join(tmpdir(), 'tests-'));
  const folder = join(outside, 'work');
  mkdirSync(folder);
  const reportFile = join(outside, 'report');
  const reporting = openSync(reportFile, 'a');
  try {
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
    }
    const child = spawn(program, args, {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe', reporting],
      // Jest sets a variable in its workers that marks them as children of a test runner.
      env: { PATH: process.env.PATH, LANG: 'C.UTF-8', PYTHONDONTWRITEBYTECODE: '1' },
    });
    const [stdout, stderr, [exitCode, signal]] = await Promise.all([
      text(child.stdout as Readable),
      text(child.stderr as Readable),
      once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>,
    ]);
    return { exitCode, signal, stdout, stderr, report: readFileSync(reportFile, 'utf8') };
  } finally {
    closeSync(reporting);
    rmSync(outside, { recursive: true });
  }
}

let program: Promise<string> | undefined;

/** The Node version of the images. */
export function node(): Promise<string> {
  program ??= nodeProgram(readSettings(), new Progress({ write: () => true, isTTY: false, columns: 80 }));
  return program;
}

let interpreter: string | null | undefined;

/** A Python on this machine, with pytest if possible. */
export function python(): string {
  return withPytest() ?? 'python3';
}

/** A Python on this machine with pytest, or null. */
export function withPytest(): string | null {
  interpreter ??=
    ['python3', '/usr/bin/python3', 'python3.13', 'python3.12', 'python3.11'].find(hasPytest) ?? null;
  return interpreter;
}

function hasPytest(candidate: string): boolean {
  try {
    execFileSync(candidate, ['-c', 'import pytest'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

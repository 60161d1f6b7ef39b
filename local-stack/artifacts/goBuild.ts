import { cpus } from 'node:os';
import { findProgram } from '../machine/prerequisites';
import { runCommand } from '../machine/command';
import type { ReportProgress } from '../machine/progress';

/** A Go program of this repository: a folder with go.mod, and the package to build in it. */
export interface GoProgram {
  directory: string;
  package: string;
  linkerFlags: string;
  /** Build tags, separated by spaces. */
  tags?: string;
}

/** The minimum version: from Go 1.21 on, Go downloads the toolchain that go.mod requires. */
const leastGo = [1, 21] as const;

/**
 * Builds a static Go program. With Go's cache, an unchanged build takes seconds.
 * @throws Error with the compiler's output, or with the required Go version.
 */
export async function goBuild(program: GoProgram, output: string, report: ReportProgress): Promise<void> {
  await checkGo();
  const environment = { CGO_ENABLED: '0', GOTOOLCHAIN: 'auto' };
  const options = { cwd: program.directory, environment };
  report('downloading Go modules');
  const tags = `-tags=${program.tags ?? ''}`;
  const total =
    (await runCommand('go', ['list', '-deps', tags, program.package], options)).split('\n').length - 1;
  let compiled = 0;
  report(`up to ${total} packages on ${cpus().length} cores`);
  // At the lowest priority, so that concurrent work, such as tests that need no servers, is not slowed down.
  await runCommand(
    'nice',
    [
      ...['-n', '19', 'go', 'build'],
      '-v',
      '-trimpath',
      '-buildvcs=false',
      tags,
      '-ldflags',
      program.linkerFlags,
      '-o',
      output,
      program.package,
    ],
    {
      ...options,
      onErrorLine: (line) => {
        if (line.startsWith('go: ')) return;
        compiled += 1;
        report(`${compiled} of up to ${total} packages`);
      },
    },
  );
}

async function checkGo(): Promise<void> {
  if (!findProgram('go'))
    throw new Error(
      'There is no Go compiler on PATH. Install Go 1.21 or later (https://go.dev/doc/install).',
    );
  const version = await runCommand('go', ['env', 'GOVERSION']);
  const [, major, minor] = /^go(\d+)\.(\d+)/.exec(version) ?? [];
  const found = Number(major) * 1000 + Number(minor);
  if (found < leastGo[0] * 1000 + leastGo[1])
    throw new Error(
      `The Go compiler on PATH is ${version.trim()}; it must be ${leastGo.join('.')} or later.`,
    );
}

import type { RunRequest } from '../../activities/ports';
import { limits, python, still, testRuns } from './testRuns';

/**
 * What the public documentation of other code runners promises, and its equivalent here: Judge0's statuses,
 * and Piston's `run` with its `code`, `signal` and limits.
 */
const { environments, run, remove } = testRuns('public');

beforeAll(async () => {
  await environments.ensure('public', still());
}, 180_000);

afterAll(remove);

const javascript = (text: string) => {
  return { language: 'javascript', files: { 'main.js': text }, entrypoint: 'main.js', requirements: [] };
};
const input = (stdin: string, args: string[] = []) => ({ input: { stdin, args, env: {} } });

describe('Judge0', () => {
  test('Accepted', async () => {
    expect(await run('print("ok")')).toMatchObject({ outcome: 'passed', exitCode: 0, signal: null });
  });

  test('Time Limit Exceeded, by computing or by sleeping', async () => {
    for (const code of ['while True: pass', 'import time; time.sleep(60)'])
      expect(await run(code, { limits: { ...limits, wallMs: 500 } })).toMatchObject({
        outcome: 'timed_out',
        signal: 'SIGKILL',
      });
  });

  test('Compilation Error, which no statement was run for, and not an error of a module that it imports', async () => {
    const broken = await run('print("never seen")\nif True print()');
    expect(broken).toMatchObject({ outcome: 'syntax_error', stdout: { text: '' }, error: { line: 2 } });
    const program = python({ 'main.py': 'print("seen")\nimport other', 'other.py': 'if True print()' });
    const imported = await run('', { program });
    expect(imported).toMatchObject({ outcome: 'failed', exitCode: 1, stdout: { text: 'seen\n' } });
    expect(imported.error?.message).toContain('SyntaxError');
    const compiled = await run("exec('if True print()')");
    expect(compiled).toMatchObject({ outcome: 'failed', exitCode: 1 });
  });

  test.each([
    ['SIGSEGV', 'import ctypes; ctypes.string_at(0)'],
    ['SIGFPE', 'import os, signal; os.kill(os.getpid(), signal.SIGFPE)'],
    ['SIGABRT', 'import os; os.abort()'],
    [
      'SIGXFSZ',
      "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\nwith open('/work/1/x', 'wb') as file:\n    for _ in range(100): file.write(bytes(1_000_000))",
    ],
    ['SIGKILL', 'import os; os.kill(os.getpid(), 9)'],
    [
      'SIGPIPE',
      'import os, signal; signal.signal(signal.SIGPIPE, signal.SIG_DFL); r, w = os.pipe(); os.close(r); os.write(w, b"x")',
    ],
  ])('Runtime Error (%s)', async (signal, code) => {
    expect(await run(code)).toMatchObject({ outcome: 'killed_by_signal', exitCode: null, signal });
  });

  test('Runtime Error (NZEC)', async () => {
    expect(await run('import sys; sys.exit(42)')).toMatchObject({
      outcome: 'failed',
      exitCode: 42,
      signal: null,
    });
    expect(await run('import os; os._exit(255)')).toMatchObject({
      outcome: 'failed',
      exitCode: 255,
      signal: null,
    });
    expect(await run('1 / 0')).toMatchObject({ outcome: 'failed', exitCode: 1, signal: null });
  });

  test('a memory limit', async () => {
    const small = { limits: { ...limits, memoryBytes: 64 * 1024 * 1024 } };
    expect(await run('x = bytearray(500_000_000)', small)).toMatchObject({ outcome: 'out_of_memory' });
    expect(await run('x = bytearray(1_000_000)', small)).toMatchObject({ outcome: 'passed' });
  });

  test('stdin, stdout and stderr apart from each other', async () => {
    const code =
      'import sys\nfor line in sys.stdin: print(line.upper(), end="")\nprint("done", file=sys.stderr)';
    expect(await run(code, input('ä\nno newline'))).toMatchObject({
      stdout: { text: 'Ä\nNO NEWLINE' },
      stderr: { text: 'done\n' },
    });
  });

  test('no stdin is an empty one', async () => {
    expect(await run('import sys; print(repr(sys.stdin.read()))')).toMatchObject({
      stdout: { text: "''\n" },
    });
    expect(await run('input()')).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringContaining('EOFError') as string },
    });
  });

  test('time and memory that were used', async () => {
    const report = await run(
      'import time\nx = bytearray(30_000_000)\ntime.sleep(0.3)\nfor n in range(2_000_000): pass',
    );
    expect(report.wallMs).toBeGreaterThan(300);
    expect(report.cpuMs).toBeGreaterThan(10);
    expect(report.peakMemoryBytes).toBeGreaterThan(30_000_000);
  });
});

describe('Piston', () => {
  const withOutput = (bytes: number): Partial<RunRequest> => ({
    limits: { ...limits, maxOutputBytes: bytes },
  });

  test('an output limit: at it, all is there; beyond it, the program is stopped', async () => {
    const code = "import sys\nsys.stdout.write('x' * 1024)\nsys.stdout.flush()";
    expect(await run(code, withOutput(1024))).toMatchObject({ outcome: 'passed', stdout: { bytes: 1024 } });
    const beyond = await run(
      `${code}\nsys.stderr.write('y')\nsys.stderr.flush()\nwhile True: pass`,
      withOutput(1024),
    );
    expect(beyond).toMatchObject({ outcome: 'too_much_output', signal: 'SIGKILL', stderr: { text: 'y' } });
  });

  test('args and stdin reach the program', async () => {
    const code = 'import sys\nprint(sys.argv[1:], sys.stdin.read())';
    expect(await run(code, input('in', ['a b', '--c', 'ü', '']))).toMatchObject({
      stdout: { text: "['a b', '--c', 'ü', ''] in\n" },
    });
  });

  test('more than one file, of which the first is run', async () => {
    const program = python({
      'main.py': 'from lib.greet import hello\nprint(hello)',
      'lib/greet.py': 'hello = "hi"',
    });
    expect(await run('', { program })).toMatchObject({ stdout: { text: 'hi\n' } });
  });

  test('an error of compilation is told from one of the run in another language, too', async () => {
    const broken = await run('', { program: javascript('console.log("never seen"\nlet =') });
    expect(broken).toMatchObject({ outcome: 'syntax_error', stdout: { text: '' } });
    const thrown = await run('', { program: javascript('console.log("seen"); null.x') });
    expect(thrown).toMatchObject({ outcome: 'failed', exitCode: 1, stdout: { text: 'seen\n' } });
    expect(thrown.error).toMatchObject({ file: 'main.js', line: 1 });
    const exited = await run('', { program: javascript('process.exit(7)') });
    expect(exited).toMatchObject({ outcome: 'failed', exitCode: 7, signal: null });
    const killed = await run('', {
      program: javascript('process.kill(process.pid, "SIGTERM"); setTimeout(() => {}, 5000)'),
    });
    expect(killed).toMatchObject({ outcome: 'killed_by_signal', exitCode: null, signal: 'SIGTERM' });
  });

  test('stdin in another language', async () => {
    const code =
      "let text = ''; process.stdin.on('data', (d) => (text += d)).on('end', () => console.log(text.trim().split(' ').length))";
    expect(await run('', { program: javascript(code), ...input('one two three') })).toMatchObject({
      stdout: { text: '3\n' },
    });
  });
});

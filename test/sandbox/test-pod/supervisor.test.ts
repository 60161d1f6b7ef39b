import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { release, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { LEAVE, SNAPSHOT } from './leftovers';
import { reasonToSkip, runFrame, StandIn } from './standIn';

const skipped = reasonToSkip();
if (skipped !== null) console.warn(`The tests of the test pod's supervisor are SKIPPED: ${skipped}.`);

/** MADV_POPULATE_WRITE was added in Linux 5.14. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const hasPopulate = major > 5 || (major === 5 && minor >= 14);

/** Calls exit(2) for the calling thread, not exit_group(2) for all threads. */
const END_OF_ONE_THREAD =
  "import ctypes; ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}[os.uname().machine], 0)";

interface Given {
  env?: Record<string, string>;
  files?: Record<string, string>;
}

/** Version of the Python that the stand-in runs. */
const version =
  skipped === null
    ? execFileSync('/usr/bin/python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
        encoding: 'utf8',
      }).trim()
    : '';

/** Functions for a program that inspects the other processes in its pod. */
const LOOKING = `
import os
def processes(): return [name for name in os.listdir('/proc') if name.isdigit()]
def status(pid): return open(f'/proc/{pid}/stat').read()
`;

(skipped === null ? describe : describe.skip)('the supervisor', () => {
  let pod: StandIn;

  beforeAll(async () => {
    pod = await StandIn.start();
  });

  afterAll(async () => {
    await pod?.stop();
  });

  test.each([
    ['passes what ends well', "print('Hello')", { outcome: 'passed', exit_code: 0, text: 'Hello\n' }],
    ['fails what exits otherwise', 'raise SystemExit(3)', { outcome: 'failed', exit_code: 3 }],
    ['knows a syntax error', "print('broken'", { outcome: 'syntax_error', exit_code: 1 }],
    ['does not take SyntaxError raised by hand for one', "raise SyntaxError('x')", { outcome: 'failed' }],
    [
      'names a signal',
      'import os, signal; os.kill(os.getpid(), signal.SIGUSR1)',
      { outcome: 'killed_by_signal', signal: 'SIGUSR1' },
    ],
    [
      'names a real-time signal',
      'import os, signal; os.kill(os.getpid(), signal.SIGRTMIN + 3)',
      { outcome: 'killed_by_signal', signal: 'SIGRTMIN+3' },
    ],
    [
      'names a signal that the C library keeps for itself',
      'import os; os.kill(os.getpid(), 33)',
      { outcome: 'killed_by_signal', signal: 'SIG33' },
    ],
    [
      'does not call a program invalid that ran: it exits with another code than its checker',
      'raise SystemExit(7)\n#\0',
      { outcome: 'failed', exit_code: 7 },
    ],
    [
      'does not call a program invalid that printed something',
      "print('ran', flush=True); __import__('os')._exit(1)\n#\0",
      { outcome: 'failed', exit_code: 1 },
    ],
    [
      'counts no processes that are over',
      'import os\nfor _ in range(100):\n    if os.fork() == 0: os._exit(0)\n__import__("time").sleep(0.3)',
      { outcome: 'passed' },
    ],
    [
      'bounds them all the same',
      'import os, time\nwhile True:\n    if os.fork() == 0: os._exit(0)\n    time.sleep(0.001)',
      { outcome: 'too_many_processes' },
    ],
  ])('%s', async (_, code, expected) => {
    expect(await pod.run(code)).toMatchObject(expected);
  });

  test.each(['-V', '-c', '-', '--version', '-.py', '$(PORT).py', '$$.py', '{memory_mb}.py', 'inspect'])(
    'runs a file named %s in each language, and knows when it is not valid',
    async (entrypoint) => {
      const named = (text: string) => ({ [entrypoint]: Buffer.from(text).toString('base64') });
      const python = await pod.run('', { entrypoint, files: named('print(__file__); raise SystemExit(3)') });
      expect(python).toMatchObject({ exit_code: 3, text: `/work/1/${entrypoint}\n` });
      const invalid = await pod.run('', { entrypoint, files: named("print('") });
      expect(invalid).toMatchObject({ outcome: 'syntax_error' });
      const javascript = {
        language: 'javascript',
        entrypoint,
        files: named('console.log(1); process.exit(3)'),
      };
      // Only names that Node accepts as a program.
      if (/^[^.]*$/.test(entrypoint))
        expect(await pod.run('', javascript)).toMatchObject({ exit_code: 3, text: '1\n' });
    },
  );

  test('runs test files whose names look like options', async () => {
    const code = 'import unittest\nclass T(unittest.TestCase):\n    def test(self): pass';
    const files = { 'main.py': '', '-x.py': Buffer.from(code).toString('base64') };
    const { last, report } = await pod.ask(runFrame('', { command: 'unittest', files, args: ['-x.py'] }));
    expect({ outcome: last.result?.outcome, report }).toMatchObject({ outcome: 'passed' });
  });

  test('runs an archive as Python does, and does not call it invalid', async () => {
    const zipped = execFileSync('python3', [
      '-c',
      'import io, sys, zipfile\nfile = io.BytesIO()\nwith zipfile.ZipFile(file, "w") as zip: zip.writestr("__main__.py", "raise SystemExit(1)")\nsys.stdout.buffer.write(file.getvalue())',
    ]);
    const files = { 'main.py': zipped.toString('base64') };
    expect(await pod.run('', { files })).toMatchObject({ outcome: 'failed', exit_code: 1 });
  });

  test.each<[string, string, object]>([
    ['TZ', 'import time; print(time.tzname, time.localtime(0).tm_hour)', { env: { TZ: 'Asia/Tokyo' } }],
    [
      'PYTHONHASHSEED',
      "import sys; print(hash('a'), sys.flags.hash_randomization)",
      { env: { PYTHONHASHSEED: '0' } },
    ],
    ['PYTHONIOENCODING', 'import sys; print(sys.stdout.encoding)', { env: { PYTHONIOENCODING: 'latin-1' } }],
    [
      'PYTHONWARNINGS',
      'import warnings; warnings.warn("x"); print("no")',
      { env: { PYTHONWARNINGS: 'error' } },
    ],
    ['PYTHONOPTIMIZE', 'assert False; print(__debug__)', { env: { PYTHONOPTIMIZE: '1' } }],
    ['PYTHONDEVMODE', 'import sys; print(sys.flags.dev_mode)', { env: { PYTHONDEVMODE: '1' } }],
    ['PYTHONUTF8', 'import sys; print(sys.flags.utf8_mode)', { env: { PYTHONUTF8: '1' } }],
    ['PYTHONPATH', 'import sys; print(sys.path)', { env: { PYTHONPATH: '/tmp/a:b' } }],
    ['LC_ALL', 'import locale; print(locale.setlocale(locale.LC_ALL, ""))', { env: { LC_ALL: 'C' } }],
    ['nothing', 'import sys; print(sorted(sys.modules), sys.path, sys.flags, sys.argv, sys.orig_argv)', {}],
    ['nothing of its own', 'import sys, sitecustomize; print(sitecustomize.__file__)', {}],
    [
      'modules named as ours',
      'import resource, struct, signal, gc, socket, json; print(resource.f(), struct.f(), signal.f(), socket.f(), json.f())',
      {
        files: Object.fromEntries(
          ['resource', 'struct', 'signal', 'socket', 'json', 'sitecustomize'].map((name) => [
            `${name}.py`,
            `def f(): return 'mine ${name}'`,
          ]),
        ),
      },
    ],
    [
      'packages of the user',
      'import own; print(own.__file__)',
      { files: Object.fromEntries([[`.local/lib/python${version}/site-packages/own.py`, '']]) },
    ],
    [
      'modules that the interpreter waited with',
      'import ctypes, socket, resource, struct, gc; print(ctypes.sizeof(ctypes.c_int), socket.socketpair()[0].family, resource.getpagesize(), struct.calcsize("i"))',
      {},
    ],
  ])('runs a program as Python itself would, with %s', async (_, code, { env = {}, files = {} }: Given) => {
    const folder = mkdtempSync(join(tmpdir(), 'plain-'));
    const all: Record<string, string> = { 'main.py': code, ...files };
    for (const [name, text] of Object.entries(all)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    // In a folder with the same name, and with the variables of every run.
    const inFolder = [
      '--mount',
      'sh',
      '-c',
      `mkdir -p /tmp/work && mount --bind ${folder} /tmp/work && cd /tmp/work && exec "$@"`,
    ];
    const plain = spawnSync('unshare', [...inFolder, 'sh', '/usr/bin/python3', '-u', 'main.py'], {
      env: {
        PATH: '/usr/local/bin:/usr/bin:/bin',
        LANG: 'C.UTF-8',
        PYTHONUNBUFFERED: '1',
        HOME: '/tmp/work',
        ...env,
      },
      encoding: 'utf8',
    });
    rmSync(folder, { recursive: true });
    const encoded = Object.entries(all).map(([name, text]) => [name, Buffer.from(text).toString('base64')]);
    const run = await pod.run('', { env, files: Object.fromEntries(encoded) as object });
    const placed = (text: string) => text.replaceAll('/tmp/work', '/work/1');
    expect({ exit: run.exit_code, text: run.text }).toEqual({
      exit: plain.status,
      text: placed(plain.stdout),
    });
  });

  test('stops an endless loop at its wall limit', async () => {
    const { limits } = runFrame('');
    const result = await pod.run('while True: pass', { limits: { ...limits, wall_ms: 300 } });
    expect(result).toMatchObject({ outcome: 'timed_out', signal: 'SIGKILL' });
  });

  test('stops at its wall limit a program that looks dead, its first thread being over', async () => {
    const { limits } = runFrame('');
    const code = `
import threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
${END_OF_ONE_THREAD}`;
    const result = await pod.run(`import os${code}`, { limits: { ...limits, wall_ms: 300 } });
    expect(result).toMatchObject({ outcome: 'timed_out' });
  });

  (hasPopulate ? test : test.skip)('lets a process that is slow to die have its time', async () => {
    const { limits } = runFrame('');
    // The kernel reclaims the memory of this process page by page.
    const large = `
import mmap, os
if os.fork() == 0:
    memory = mmap.mmap(-1, 1 << 30, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    memory.madvise(mmap.MADV_NOHUGEPAGE)
    memory.madvise(23)  # MADV_POPULATE_WRITE
    os.kill(os.getppid(), 9)
    while True: pass
os.wait()`;
    const result = await pod.run(large, { limits: { ...limits, memory_bytes: 2 ** 31 } });
    expect(result).toMatchObject({ outcome: 'killed_by_signal', signal: 'SIGKILL' });
  });

  test('does not count the time in which others have the processor', async () => {
    const { limits } = runFrame('');
    const crowded = `
import os, time
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
others = []
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        while True: pass
    others.append(pid)
while time.process_time() < 0.3: pass
for pid in others: os.kill(pid, 9)
`;
    const result = await pod.run(crowded, { limits: { ...limits, wall_ms: 600 } });
    expect(result).toMatchObject({ outcome: 'passed' });
    expect(result.wall_ms).toBeGreaterThan(600);
  }, 60_000);

  test('stops a flood, counts it, and keeps its head and tail', async () => {
    const result = await pod.run("while True: print('x' * 1000)");
    expect(result.outcome).toBe('too_much_output');
    expect(result.stdout.bytes).toBeGreaterThan(1_000_000);
    expect(result.text).toHaveLength(1_000);
  });

  test('stops a program that changes its own file to look broken, and says what it was', async () => {
    expect(await pod.run("open('main.py', 'w').write('(')\nraise SystemExit(1)")).toMatchObject({
      outcome: 'failed',
    });
  });

  test('gives a program an environment of its own and no descriptor but the three', async () => {
    const { text } = await pod.run(
      "import os; print(sorted(os.environ), len(os.listdir('/proc/self/fd')) - 1, os.getcwd() == os.environ['HOME'])",
    );
    expect(text).toBe("['HOME', 'LANG', 'PATH', 'PORT', 'PYTHONUNBUFFERED', 'SUBMISSION_ID'] 3 True\n");
  });

  test('prints what a program prints with the name of its submission, control characters shown', async () => {
    await pod.run("print('plain\\x1b[2J\\rforged')", { submission_id: 'abcdefgh-ijkl' });
    expect(pod.log).toContain('[abcdefgh-ijkl out 0\\] plain\\x1b[2J\\x0dforged');
  });

  test('hands a program its input, arguments and variables', async () => {
    const code = "import os, sys; print(sys.stdin.read(), sys.argv[1:], os.environ['GREETING'])";
    const input = {
      stdin: Buffer.from('typed').toString('base64'),
      args: ['--x', 'é'],
      env: { GREETING: 'hi' },
    };
    expect((await pod.run(code, input)).text).toBe("typed ['--x', 'é'] hi\n");
  });

  test('takes a program that serves for one that passed, and stops it', async () => {
    const code = `
import http.server, os
http.server.HTTPServer(('0.0.0.0', int(os.environ['PORT'])), http.server.BaseHTTPRequestHandler).serve_forever()`;
    const result = await pod.run(code);
    expect(result).toMatchObject({ outcome: 'passed', serving: true, exit_code: null, signal: null });
  });

  test.each([
    ['only listens where no request reaches it', "('127.0.0.1', 8080)", 'time.sleep(60)', 'timed_out'],
    [
      'crashes right after it began to serve',
      "('0.0.0.0', 8080)",
      'time.sleep(0.2); raise SystemExit(3)',
      'failed',
    ],
  ])('does not pass a program that %s', async (_, address, then, outcome) => {
    const { limits } = runFrame('');
    const code = `import socket, time\nserver = socket.create_server(${address})\n${then}`;
    const listens = outcome === 'timed_out' ? ['127.0.0.1:8080'] : [];
    expect(await pod.run(code, { limits: { ...limits, wall_ms: 1_500 } })).toMatchObject({
      outcome,
      listens,
    });
  });

  test('runs test files with a framework of the language, and hands on what that reports', async () => {
    const files = {
      'main.py': Buffer.from('def double(n): return 2 * n').toString('base64'),
      'test_main.py': Buffer.from(
        `
import unittest
from main import double
class Doubling(unittest.TestCase):
    def test_right(self): self.assertEqual(double(2), 4)
    def test_wrong(self): self.assertEqual(double(2), 5)`,
      ).toString('base64'),
    };
    const asked = { command: 'unittest', files, args: ['test_main.py'] };
    const { last, report } = await pod.ask(runFrame('', asked));
    expect(last.result).toMatchObject({ outcome: 'failed', exit_code: 1 });
    const lines = report.trim().split('\n');
    const reported = lines.map((line) => JSON.parse(line) as { test?: object; end?: boolean });
    expect(reported.flatMap(({ test: each }) => each ?? [])).toMatchObject([
      { name: 'test_main.Doubling.test_right', outcome: 'passed', message: null },
      {
        name: 'test_main.Doubling.test_wrong',
        outcome: 'failed',
        message: expect.stringContaining('4 != 5') as string,
      },
    ]);
    expect(reported.at(-1)).toMatchObject({
      end: true,
      counts: { found: 2, passed: 1, failed: 1, skipped: 0 },
    });
  });

  test('gives each execution a name, which its log line has too', async () => {
    const { execution } = await pod.run("print('named')", { key: 'one-key' });
    expect(pod.log.some((line) => line.includes(`execution=${execution} key=one-key`))).toBe(true);
  });

  test('prints where in the stream each line begins, and a line without end before its program ends', async () => {
    const code =
      "import time\nprint('first')\nprint('Name: ', end='', flush=True)\ntime.sleep(0.3)\nprint('x')";
    await pod.run(code, { submission_id: 'offsets' });
    expect(pod.log).toEqual(
      expect.arrayContaining(['[offsets out 0] first', '[offsets out 6-] Name: ', '[offsets out 12] x']),
    );
  });

  test('asks nothing of a program that stops, signals or forks: the next run is as the first', async () => {
    await pod.run('import os, signal\nfor n in (2, 9, 15, 17, 19): os.kill(1, n)');
    await pod.run('import os, time\nif os.fork() == 0:\n    os.setsid(); time.sleep(600)');
    expect(await pod.run("print('as ever')")).toMatchObject({ outcome: 'passed', text: 'as ever\n' });
  });

  test.each([
    ['holds its output', ''],
    ['holds nothing', 'os.closerange(0, 3)'],
  ])('ends a daemon that looks dead, its first thread being over, and %s', async (_, first) => {
    const daemon = `
import threading, time
if os.fork() == 0:
    ${first}
    threading.Thread(target=time.sleep, args=(600,)).start()
    ${END_OF_ONE_THREAD}
while not any(') Z' in line for line in map(status, processes())): time.sleep(0.01)
print('looks dead')`;
    expect(await pod.run(LOOKING + daemon)).toMatchObject({ outcome: 'passed', text: 'looks dead\n' });
    const others = 'print([pid for pid in processes() if len(os.listdir(f"/proc/{pid}/task")) > 1])';
    expect(await pod.run(LOOKING + others)).toMatchObject({ outcome: 'passed', text: '[]\n' });
  });

  test.each([
    ['a name that leads out', { files: { 'main.py': '', '../x': '' } }, /'\.\.'/],
    ['an absolute name', { files: { 'main.py': '', '/x': '' } }, /relative/],
    [
      'a file that is a folder too',
      { files: { 'main.py': '', 'main.py/x': '' } },
      /both a file and a folder/,
    ],
    ['an entrypoint that is no file', { entrypoint: 'other.py' }, /not among the files/],
    ['a limit that is no number', { limits: { wall_ms: 'long' } }, /limits\.wall_ms/],
    ['a language that it does not have', { language: 'cobol' }, /cobol.*javascript, python/],
    ['a command that the language does not have', { command: 'deploy' }, /deploy/],
    ['a variable that is its own', { env: { PATH: '/tmp' } }, /PATH/],
    ['bytes that are no base64', { files: { 'main.py': '!' } }, /base64/],
  ])('refuses %s', async (_, overrides, message) => {
    const { last } = await pod.ask(runFrame('pass', overrides));
    expect(last).toMatchObject({ type: 'error', code: 'invalid' });
    expect(JSON.stringify(last)).toMatch(message);
  });

  (hasPopulate ? test : test.skip)(
    'copies ahead, from the second run of a name on, what every program writes to',
    async () => {
      const code = 'import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt)';
      const files = { 'pages.py': Buffer.from(code).toString('base64') };
      const pagesAtItsStart = async () =>
        Number((await pod.run(code, { files, entrypoint: 'pages.py' })).text);
      const [first, second, third] = [
        await pagesAtItsStart(),
        await pagesAtItsStart(),
        await pagesAtItsStart(),
      ];
      // Hundreds of pages; the number varies slightly between runs.
      expect(second - first).toBeGreaterThan(150);
      expect(third - first).toBeGreaterThan(150);
    },
  );

  test('runs what comes while another program has all that the kernel allows to be in pipes', async () => {
    const hog = pod.run(`
import fcntl, os, time
held = []
try:
    while True:
        held.append(os.pipe())
        fcntl.fcntl(held[-1][1], fcntl.F_SETPIPE_SZ, 1 << 20)
except PermissionError: time.sleep(1)`);
    while (!pod.log.at(-1)?.includes(' start ')) await setTimeout(5);
    await setTimeout(300);
    const next = await pod.run("print('x' * 100_000)");
    expect(next).toMatchObject({ outcome: 'passed', stdout: { bytes: 100_001 } });
    expect(await hog).toMatchObject({ outcome: 'passed' });
  });

  test('stops what makes threads without end', async () => {
    const bomb = `
import threading, time
threading.stack_size(32_768)
while True:
    try: threading.Thread(target=time.sleep, args=(600,)).start()
    except RuntimeError: pass`;
    expect(await pod.run(bomb)).toMatchObject({ outcome: 'too_many_processes' });
  });

  test('refuses what is no frame, and lives on', async () => {
    expect((await pod.ask([1, 2])).last).toMatchObject({ type: 'error', code: 'invalid' });
    expect((await pod.ask({ op: 'ping' })).last.type).toBe('pong');
  });

  test('lets a program write to its own folders only, where the kernel has Landlock', async () => {
    const code = `
import errno, os
def outcome(path):
    try: return os.close(os.open(path, os.O_WRONLY | os.O_CREAT)) or 'written'
    except OSError as error: return errno.errorcode[error.errno]
print({path: outcome(path) for path in ['/work/1/a', '/tmp/a', '/dev/shm/a', '/dev/null', '/proc/self/comm', '/layers/a']})`;
    const hasLandlock = !pod.log[0]?.includes('Landlock missing');
    const own = ['/work/1/a', '/tmp/a', '/dev/shm/a', '/dev/null', '/proc/self/comm'];
    const { text } = await pod.run(code);
    expect(JSON.parse(text.replaceAll("'", '"'))).toEqual({
      ...Object.fromEntries(own.map((path) => [path, 'written'])),
      '/layers/a': hasLandlock ? 'EACCES' : 'written',
    });
  });
});

(skipped === null ? describe : describe.skip)('a supervisor in which something fails', () => {
  let pod: StandIn;

  beforeAll(async () => {
    pod = await StandIn.start('with-faults');
  });

  afterAll(async () => {
    await pod?.stop();
  });

  test.each(['_start', '_on_data', '_watch', '_check_time', '_record'])(
    'ends that run with an error when it is %s, and lives on',
    async (name) => {
      const slow = runFrame("import time; print('x', flush=True); time.sleep(0.1)", { env: { FAULT: name } });
      expect((await pod.ask(slow)).last).toMatchObject({ type: 'error', code: 'internal' });
      expect(await pod.run("print('as ever')")).toMatchObject({ outcome: 'passed', text: 'as ever\n' });
      expect(pod.log.filter((line) => line.startsWith('[supervisor] ready'))).toHaveLength(1);
      expect(pod.log.some((line) => line.endsWith(' end error: the supervisor failed'))).toBe(true);
    },
  );
});

/**
 * Signals reach different processes. Forks that wait for the next runs are replaced if signals reach them.
 */
const kernels = [
  ['with what this kernel has', []],
  ['without Landlock', ['without-landlock']],
  ['that gives programs namespaces of their own', ['with-namespaces']],
] as const;

(skipped === null ? describe : describe.skip).each(kernels)('a program in a pod %s', (_, options) => {
  let pod: StandIn;

  beforeAll(async () => {
    pod = await StandIn.start(...options);
  });

  afterAll(async () => {
    await pod?.stop();
  });

  const others =
    "[int(pid) for pid in os.listdir('/proc') if pid.isdigit() and int(pid) not in (1, os.getpid())]";
  const reach = (number: number) => `
for pid in ${others}:
    try: os.kill(pid, ${number})
    except OSError: pass`;

  test.each([
    ['kills', reach(9)],
    ['stops', reach(19)],
    ['interrupts', reach(2)],
    ['kills at one blow', '\ntry: os.kill(-1, 9)\nexcept OSError: pass'],
  ])('that %s all it can harms neither its own verdict nor the next run', async (_, deed) => {
    const frame = runFrame(`import os${deed}\nraise SystemExit(7)`);
    // A killed relay ends without an answer; the test then retries, as a worker does.
    const { last } = await pod.ask(frame).catch(() => pod.ask(frame));
    expect(last.result).toMatchObject({ outcome: 'failed', exit_code: 7 });
    expect(await pod.run("print('as ever')")).toMatchObject({ outcome: 'passed', text: 'as ever\n' });
  });

  test('that kills all it can does not harm the run that was made ready for the time after it', async () => {
    const hostile = pod.run(`import os, time\ntime.sleep(0.3)${reach(9)}\ntime.sleep(0.1)`).catch(() => null);
    const env = { NAME: 'ready' };
    const next = runFrame("import os; print(os.environ['NAME'], os.getcwd())", { env });
    const { stdout } = await pod.ask(next).catch(() => pod.ask(next));
    expect(stdout).toBe('ready /work/1\n');
    await hostile;
  });

  test('leaves nothing on the whole file system for the next one', async () => {
    const limits = { ...runFrame('').limits, wall_ms: 60_000 };
    const before = await pod.run(SNAPSHOT, { limits });
    const { text: changed } = await pod.run(LEAVE, { limits });
    expect(changed).toMatch(/'\/dev\/shm'.* '\/dev\/termination-log'.* '\/tmp'.* '\/work'/);
    expect((await pod.run(SNAPSHOT, { limits })).text).toBe(before.text);
    expect(await pod.run("print('as ever')")).toMatchObject({ outcome: 'passed', text: 'as ever\n' });
  }, 90_000);

  test('gets nothing from the run before it, of many at once', async () => {
    const code = (name: string) =>
      `import os\nprint(${JSON.stringify(name)}, os.environ.get('NAME'), os.listdir('.'), os.listdir('/tmp'))\nopen('/tmp/x', 'w')`;
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const runs = names.map((name) => pod.run(code(name), { env: { NAME: name } }));
    expect((await Promise.all(runs)).map(({ text }) => text)).toEqual(
      names.map((name) => `${name} ${name} ['main.py'] []\n`),
    );
  });

  test('takes part in a queue in which each learns when it moves up', async () => {
    const slow = () => pod.ask(runFrame('import time; time.sleep(0.7)'));
    const seen = (await Promise.all([slow(), slow(), slow()])).map(({ queued }) => queued);
    expect(seen).toContainEqual(expect.arrayContaining([1]));
  });
});

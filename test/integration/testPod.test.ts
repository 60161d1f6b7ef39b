import { randomUUID } from 'node:crypto';
import { connectKubernetes } from '../../infrastructure/kubernetes/client';
import { createEnvironments } from '../../infrastructure/kubernetes/environments';
import { loadLanguages } from '../../infrastructure/languages/languages';
import { createTestRunner } from '../../infrastructure/kubernetes/testRunner';
import type { RunReport, RunRequest } from '../../infrastructure/kubernetes/testRunner';
import { RELAY_COMMAND } from '../../infrastructure/kubernetes/testPod/names';
import { kubectl } from './kubectl';
import { stack } from './stack';

/** A user of its own: what is deleted and broken here concerns no other test. */
const userId = 'hostile';
const namespace = 'user-hostile';
const pod = 'hostile-test';

const { workerKubeconfig, kubeContext, images } = stack();
const kube = connectKubernetes({ kubeconfig: workerKubeconfig, context: kubeContext });
const environments = createEnvironments(kube, { testImage: images.test });
const runner = createTestRunner(kube, { languages: loadLanguages() });

const limits = {
  wallMs: 5_000,
  memoryBytes: 256 * 1024 * 1024,
  keepOutputBytes: 16_384,
  maxOutputBytes: 10 * 1024 * 1024,
};

const python = (files: Record<string, string>) => {
  return { language: 'python', files, entrypoint: 'main.py', requirements: [] };
};

const still = () => ({ signal: AbortSignal.timeout(120_000), heartbeat: () => undefined });

function request(code: string, overrides: Partial<RunRequest> = {}): RunRequest {
  const submissionId = randomUUID();
  return {
    key: submissionId,
    userId,
    submissionId,
    program: python({ 'main.py': code }),
    command: 'run',
    input: { stdin: '', args: [], env: {} },
    limits,
    ...overrides,
  };
}

const run = (code: string, overrides?: Partial<RunRequest>): Promise<RunReport> =>
  runner.run(request(code, overrides), still());

/** Ends when the run is on its way; it goes on by itself. */
async function running(asked: RunRequest): Promise<void> {
  const begun = new AbortController();
  const heartbeat = (details?: unknown) => {
    if ((details as { state: string }).state === 'running') begun.abort(new Error('WORKER_SHUTDOWN'));
  };
  await runner.run(asked, { signal: begun.signal, heartbeat }).catch(() => undefined);
}

async function restarts(): Promise<string> {
  return kubectl(
    'get',
    'pod',
    pod,
    '-n',
    namespace,
    '-o',
    'jsonpath={.status.containerStatuses[0].restartCount}',
  );
}

beforeAll(async () => {
  await environments.ensure(userId, still());
}, 180_000);

afterAll(async () => {
  await kubectl('delete', 'namespace', namespace, '--wait=false');
});

describe('a verdict', () => {
  test('is a pass for a program that ends well, with what it printed and what it used', async () => {
    const report = await run(`import sys\nprint('Hello')\nprint('aside', file=sys.stderr)`);
    expect(report).toMatchObject({ outcome: 'passed', exitCode: 0, signal: null, error: null });
    expect(report.stdout).toEqual({ text: 'Hello\n', bytes: 6, truncated: false });
    expect(report.stderr.text).toBe('aside\n');
    expect(report.cpuMs).toBeGreaterThan(0);
    expect(report.peakMemoryBytes).toBeGreaterThan(1_000_000);
  });

  test('says what and where for a syntax error', async () => {
    const report = await run(`x = 1\nprint('broken'`);
    expect(report.outcome).toBe('syntax_error');
    expect(report.error).toEqual({
      message: "SyntaxError: '(' was never closed",
      file: 'main.py',
      line: 2,
    });
  });

  test('says what and where for an exception', async () => {
    const report = await run('def f():\n    return 1 / 0\nf()');
    expect(report).toMatchObject({ outcome: 'failed', exitCode: 1 });
    expect(report.error).toEqual({
      message: 'ZeroDivisionError: division by zero',
      file: 'main.py',
      line: 2,
    });
  });

  test('has the exit code of a program that chose one', async () => {
    expect(await run('import sys; sys.exit(3)')).toMatchObject({
      outcome: 'failed',
      exitCode: 3,
      error: null,
    });
  });

  test('names the signal that ended a program', async () => {
    const report = await run('import os, signal; os.kill(os.getpid(), signal.SIGSEGV)');
    expect(report).toMatchObject({ outcome: 'killed_by_signal', exitCode: null, signal: 'SIGSEGV' });
  });

  test('comes at the wall limit for an endless loop', async () => {
    const report = await run('while True: pass', { limits: { ...limits, wallMs: 1_000 } });
    expect(report.outcome).toBe('timed_out');
    expect(report.wallMs).toBeGreaterThanOrEqual(1_000);
    // It had the processor for about so long; waiting for others that have it is not part of the limit.
    expect(report.cpuMs).toBeLessThan(3_000);
  });

  test('is out of memory for a program that takes more than it may', async () => {
    const report = await run('held = []\nwhile True: held.append(bytearray(10_000_000))');
    expect(report.outcome).toBe('out_of_memory');
    expect(report.error).toMatchObject({ message: 'MemoryError', line: 2 });
  });

  test('is out of memory for many processes that together take more than the pod has', async () => {
    const code = `
import os, time
for _ in range(8):
    if os.fork() == 0:
        held = bytearray(b'x' * 120_000_000)
        time.sleep(60)
time.sleep(60)`;
    expect((await run(code)).outcome).toBe('out_of_memory');
    expect(await restarts()).toBe('0');
  }, 30_000);

  test('comes quickly for 100 MB of output, and the middle of it is left out', async () => {
    const report = await run(`for _ in range(1600): print('x' * 65535)`);
    expect(report.outcome).toBe('too_much_output');
    expect(report.stdout.truncated).toBe(true);
    expect(report.stdout.text.length).toBeLessThan(limits.keepOutputBytes + 100);
    expect(report.stdout.text).toMatch(/\[\.\.\. \d+ bytes left out \.\.\.\]/);
    expect(report.wallMs).toBeLessThan(5_000);
  });

  test('is a pass for much output below the limit, with its first and last lines', async () => {
    const report = await run(`print('first')\nfor _ in range(100): print('x' * 65535)\nprint('last')`);
    expect(report.outcome).toBe('passed');
    expect(report.stdout.bytes).toBe(6 + 100 * 65_536 + 5);
    expect(report.stdout.text.startsWith('first\n')).toBe(true);
    expect(report.stdout.text.endsWith('last\n')).toBe(true);
  });
});

describe('a hostile program', () => {
  test('cannot speak to the supervisor', async () => {
    const report = await run(`
import socket
peer = socket.socket(socket.AF_UNIX)
peer.connect('\\0orchestration-app/test-pod')
try:
    peer.sendall(b'{"op":"ping"}\\n')
    print('answer', peer.recv(100))
except OSError:
    print('answer', b'')`);
    expect(report).toMatchObject({ outcome: 'passed' });
    expect(report.stdout.text).toBe("answer b''\n");
  });

  test('cannot look into any other process of the pod, however early it tries', async () => {
    const spying = request(`
import os, time
def listing(pid): os.listdir(f'/proc/{pid}/fd')
def memory(pid): open(f'/proc/{pid}/mem', 'rb').close()
def environment(pid): open(f'/proc/{pid}/environ').read()
seen, opened = set(), []
end = time.monotonic() + 4
while time.monotonic() < end and not (opened or len(seen) > 5):
    for pid in os.listdir('/proc'):
        if pid.isdigit() and int(pid) != os.getpid():
            seen.add(pid)
            for look in (listing, memory, environment):
                try: look(pid)
                except OSError: continue
                opened.append((pid, look.__name__))
print(opened, len(seen) > 4)`);
    // Relays that start while the program looks: each has its moment in which it could be open.
    await running(spying);
    const relay = ['exec', pod, '-n', namespace, '--', ...RELAY_COMMAND, '--check'];
    for (let started = 0; started < 5; started++) await kubectl(...relay);
    const report = await runner.run(spying, still());
    expect(report.stdout.text).toBe('[] True\n');
  }, 30_000);

  test('finds no moment in which a relay is open: its interpreter is closed by the kernel at exec', async () => {
    const dumpable = 'import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))';
    const exec = [
      'exec',
      pod,
      '-n',
      namespace,
      '--',
      '/opt/test-pod/bin/python3',
      '-I',
      '-S',
      '-c',
      dumpable,
    ];
    expect(await kubectl(...exec)).toBe('0\n');
  });

  test('cannot starve the supervisor by its limits, priority or signals', async () => {
    const report = await run(`
import os, resource, signal
def denied(call):
    try:
        call()
        return False
    except PermissionError:
        return True
print(denied(lambda: resource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))),
      denied(lambda: os.setpriority(os.PRIO_PROCESS, 1, 19)),
      denied(lambda: os.setpriority(os.PRIO_USER, 0, 19)),
      denied(lambda: os.sched_setaffinity(1, [0])))
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSTOP, signal.SIGCHLD):
    os.kill(1, number)
print('sent')`);
    expect(report.outcome).toBe('passed');
    expect(report.stdout.text).toBe('True True True True\nsent\n');
    expect((await run("print('next')")).stdout.text).toBe('next\n');
    expect(await restarts()).toBe('0');
  });

  test('does not outlive its run as a daemon', async () => {
    const daemon = await run(`
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid())
        time.sleep(600)
    os._exit(0)
time.sleep(0.3)`);
    expect(daemon.outcome).toBe('passed');
    const left = daemon.stdout.text.trim();
    expect(left).toMatch(/^\d+$/);
    const next = await run(`import os; print(os.path.exists('/proc/${left}'))`);
    expect(next.stdout.text).toBe('False\n');
  });

  test('that kills everything it can keeps its verdict', async () => {
    const report = await run(`
import os, signal, time
print('before', flush=True)
os.kill(-1, signal.SIGKILL)
time.sleep(0.5)
raise SystemExit(7)`);
    expect(report).toMatchObject({ outcome: 'failed', exitCode: 7 });
    expect(report.stdout.text).toBe('before\n');
  });

  test('that kills the relay again and again gains nothing', async () => {
    const report = await run(`
import os, signal, time
end = time.monotonic() + 1
while time.monotonic() < end:
    for name in os.listdir('/proc'):
        if name.isdigit() and int(name) not in (1, os.getpid()):
            try: os.kill(int(name), signal.SIGKILL)
            except OSError: pass
raise SystemExit(7)`);
    expect(report).toMatchObject({ outcome: 'failed', exitCode: 7 });
  }, 30_000);

  test('that stops the relay does not hold its own verdict back', async () => {
    const report = await run(`
import os, signal
for name in os.listdir('/proc'):
    if name.isdigit() and int(name) not in (1, os.getpid()):
        os.kill(int(name), signal.SIGSTOP)
raise SystemExit(7)`);
    expect(report).toMatchObject({ outcome: 'failed', exitCode: 7 });
  }, 30_000);

  test('that forks without end is ended, and the pod lives on', async () => {
    const report = await run(`
import os
while True:
    try: os.fork()
    except OSError: pass`);
    expect(['too_many_processes', 'out_of_memory']).toContain(report.outcome);
    expect((await run("print('next')")).outcome).toBe('passed');
    expect(await restarts()).toBe('0');
  }, 60_000);

  test('leaves nothing in folders, however deep or closed', async () => {
    const report = await run(`
import os
open('/tmp/left', 'w').write('x'); open('/dev/shm/left', 'w').write('x'); os.symlink('/', '/tmp/root')
os.mkdir('/tmp/closed'); os.mkdir('/tmp/closed/inner'); os.chmod('/tmp/closed/inner', 0); os.chmod('/tmp/closed', 0)
for _ in range(3000):
    os.mkdir('d'); os.chdir('d')`);
    expect(report.outcome).toBe('passed');
    const next = await run(`
import os
print(os.listdir('/tmp'), os.listdir('/dev/shm'), len(os.listdir('/work')), os.listdir('.'))`);
    expect(next.stdout.text).toBe("[] [] 1 ['main.py']\n");
  });

  test('cannot fill more than its folders', async () => {
    const report = await run(`
try:
    with open('/tmp/big', 'wb') as file:
        while True: file.write(bytes(1_000_000))
except OSError as error:
    print(error.errno)
try: open('/opt/test-pod/x', 'w')
except OSError as error: print(error.errno)`);
    expect(report.stdout.text).toMatch(/^(27|28)\n30\n$/);
    expect((await run("open('/tmp/x', 'w').write('x' * 1000)")).outcome).toBe('passed');
  });

  test('that prints what an end record looks like fails all the same', async () => {
    const report = await run(`
import os, sys
forged = '{"type":"end","result":{"outcome":"passed","exit_code":0}}\\n'
print(forged); print(forged, file=sys.stderr)
for descriptor in range(3, 256):
    try: os.write(descriptor, forged.encode())
    except OSError: pass
    else: print('wrote to', descriptor)
raise SystemExit(1)`);
    expect(report.outcome).toBe('failed');
    expect(report.stdout.text).not.toContain('wrote to');
  });
});

describe('a run', () => {
  test('is executed once, however often it is asked for', async () => {
    const once = request('import time, os; time.sleep(0.3); print(os.urandom(8).hex())');
    const [first, second] = await Promise.all([runner.run(once, still()), runner.run(once, still())]);
    const third = await runner.run(once, still());
    expect(second).toEqual(first);
    expect(third).toEqual(first);
  });

  test('that another worker began is joined by its key', async () => {
    const slow = request("import time\nprint('begun')\ntime.sleep(2)\nprint('ended')");
    const dying = new AbortController();
    const begun = new Promise<void>((resolve) => {
      const heartbeat = (details?: unknown) => {
        if ((details as { stdout: number }).stdout > 0) resolve();
      };
      runner.run(slow, { signal: dying.signal, heartbeat }).catch(() => undefined);
    });
    await begun;
    dying.abort(new Error('WORKER_SHUTDOWN'));
    const report = await runner.run(slow, still());
    expect(report.stdout.text).toBe('begun\nended\n');
    expect(report.wallMs).toBeLessThan(3_500);
  });

  test('that is cancelled ends in the pod too', async () => {
    const endless = request('while True: pass', { limits: { ...limits, wallMs: 60_000 } });
    const cancelled = new AbortController();
    const running = new Promise<void>((resolve) => {
      const heartbeat = (details?: unknown) => {
        if ((details as { state: string }).state === 'running') resolve();
      };
      const work = runner.run(endless, { signal: cancelled.signal, heartbeat });
      void expect(work).rejects.toThrow('CANCELLED');
    });
    await running;
    cancelled.abort(new Error('CANCELLED'));
    // With one run at a time, this one would wait for a minute otherwise.
    expect((await run("print('next')")).outcome).toBe('passed');
  });

  test('of the same key but other files is refused', async () => {
    const once = request("print('one')");
    await runner.run(once, still());
    const other = { ...once, program: python({ 'main.py': "print('two')" }) };
    await expect(runner.run(other, still())).rejects.toMatchObject({ name: 'Rejected' });
  });

  test('with a file name that leads out of its folder is refused', async () => {
    const files = { 'main.py': 'pass', '../other/main.py': 'pass' };
    await expect(run('pass', { program: python(files) })).rejects.toMatchObject({ name: 'Rejected' });
  });

  test('waits for its turn, and both get their own output', async () => {
    const reports = await Promise.all(['a', 'b', 'c', 'd'].map((name) => run(`print('${name}')`)));
    expect(reports.map((report) => report.stdout.text)).toEqual(['a\n', 'b\n', 'c\n', 'd\n']);
  });

  test('is in the log of the pod, each line with its submission', async () => {
    const asked = request("print('seen in the log')");
    await runner.run(asked, still());
    const log = await kubectl('logs', pod, '-n', namespace, '--tail=20');
    expect(log).toContain(`[${asked.submissionId.slice(0, 8)} out 0] seen in the log\n`);
  });
});

describe('an environment', () => {
  test('that is as it should be is left alone', async () => {
    expect(await environments.ensure(userId, still())).toEqual({ namespace, changed: [] });
  });

  test('whose pod is gone is missing for a run, and repaired', async () => {
    await kubectl('delete', 'pod', pod, '-n', namespace);
    await expect(run("print('x')")).rejects.toMatchObject({ name: 'EnvironmentMissing' });
    expect((await environments.ensure(userId, still())).changed).toEqual([`Pod/${pod}`]);
    expect((await run("print('back')")).stdout.text).toBe('back\n');
  }, 60_000);

  test('of an older image gets a pod of the new one', async () => {
    const older = createEnvironments(kube, { testImage: images.test, testCpus: 0.5 });
    expect((await older.ensure(userId, still())).changed).toEqual([`Pod/${pod}`]);
    expect((await environments.ensure(userId, still())).changed).toEqual([`Pod/${pod}`]);
  }, 90_000);

  test('whose image cannot be had is refused with the reason', async () => {
    const wrong = createEnvironments(kube, { testImage: 'docker.io/orchestration-app/test-pod:no-such-tag' });
    await expect(wrong.ensure(userId, still())).rejects.toMatchObject({
      name: 'Rejected',
      message: expect.stringContaining('no-such-tag') as string,
    });
    expect((await environments.ensure(userId, still())).changed).toEqual([`Pod/${pod}`]);
  }, 120_000);

  test('of a user who was never seen is missing for a run', async () => {
    await expect(run('pass', { userId: 'never-seen' })).rejects.toMatchObject({ name: 'EnvironmentMissing' });
  });
});

import { runtimeFinder } from '../../infrastructure/kubernetes/environment/runtime';
import { relayCommand } from '../../infrastructure/kubernetes/testPod/names';
import { kubectl } from './kubectl';
import { limits, python, still, testRuns } from './testRuns';

/**
 * What a program finds of earlier ones: files, System V objects, processes, variables. Processes that entered
 * from outside have no parent here: probes, relays, and killed ones that the runtime has not reaped yet. A
 * program cannot inspect the warm interpreter or its next fork. The interpreter's own child is how it learns
 * which pages to copy ahead.
 */
const LOOK_AROUND = `
import os
print(os.listdir('/work'), os.listdir('.'), os.listdir('/tmp'), os.listdir('/dev/shm'), os.listdir('/layers'))
kinds = [f'/proc/sysvipc/{kind}' for kind in ('shm', 'sem', 'msg')]
print([len(open(kind).readlines()) if os.path.exists(kind) else 1 for kind in kinds])
def is_closed(pid):
    try: os.listdir(f'/proc/{pid}/fd')
    except OSError as error: return isinstance(error, PermissionError)
    return False
def of(pid):
    name, rest = open(f'/proc/{pid}/stat').read().split('(', 1)[1].rsplit(') ', 1)
    state, parent = rest.split()[:2]
    return pid, name, state, parent
others = [pid for pid in os.listdir('/proc') if pid.isdigit() and pid not in ('1', str(os.getpid()))]
found = []
for pid in others:
    try: found.append(of(pid))
    except (FileNotFoundError, ProcessLookupError): pass  # A probe that has ended.
inside = [one for one in found if one[3] != '0']
closed = [pid for pid, *_ in inside if is_closed(pid)]
print([one for one in inside if one[0] not in closed and one[3] not in closed], len(closed) <= 3)
print(sorted(os.environ))`;
const NOTHING_LEFT = `['1'] ['main.py'] [] [] []
[1, 1, 1]
[] True
['HOME', 'LANG', 'PATH', 'PORT', 'PYTHONUNBUFFERED', 'SUBMISSION_ID']
`;

/**
 * Hostile programs in a test pod. After each, the next program must run normally in the same container.
 * @param runtime as TEST_RUNTIME_CLASS
 */
export function describeHostilePrograms(runtime: 'none' | 'auto'): void {
  const userId = runtime === 'none' ? 'hostile' : 'hostile-gvisor';
  const { kube, environments, runner, namespace, pod, request, run, running, restarts, remove } = testRuns(
    userId,
    runtime,
  );
  let isGvisor: boolean;

  beforeAll(async () => {
    ({ isGvisor } = await runtimeFinder(kube, runtime)());
    await environments.ensure(userId, still());
  }, 180_000);

  afterAll(remove);

  afterEach(async () => {
    expect(await run(LOOK_AROUND)).toMatchObject({ outcome: 'passed', stdout: { text: NOTHING_LEFT } });
    expect(await restarts()).toBe('0');
  }, 60_000);

  test('cannot speak to the supervisor', async () => {
    const report = await run(`
import socket
peer = socket.socket(socket.AF_UNIX)
try:
    peer.connect('\\0orchestration-app/test-pod')
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
def listing(pid):
    if not os.listdir(f'/proc/{pid}/fd'): raise OSError  # It has none: a first process of namespaces.
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
    // Relays that start while the program is looking: each of them could be accessible for a short time.
    await running(spying);
    const relay = ['exec', pod, '-n', namespace, '--', ...relayCommand(isGvisor), '--check'];
    for (let started = 0; started < 5; started++) await kubectl(...relay);
    const report = await runner.run(spying, still());
    // In namespaces of its own it sees none of them.
    expect(report.stdout.text).toBe(isGvisor ? '[] False\n' : '[] True\n');
  }, 30_000);

  test('finds no moment in which a relay is open: its interpreter is closed by the kernel at exec', async () => {
    if (isGvisor) return; // There, relays are not visible.
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
      denied(lambda: os.sched_setaffinity(1, [0])), flush=True)
for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGSTOP, signal.SIGCHLD):
    try: os.kill(1, number)
    except PermissionError: pass  # Landlock, where it can scope signals.
print('sent')`);
    // In namespaces of its own, the first process is of its own run.
    expect(report.outcome).toBe(isGvisor ? 'killed_by_signal' : 'passed');
    expect(report.stdout.text).toBe(`True True True True\n${isGvisor ? '' : 'sent\n'}`);
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
try: os.kill(-1, signal.SIGKILL)
except OSError: pass  # Landlock, where it can scope signals; in namespaces of its own, there is no other.
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
        try: os.kill(int(name), signal.SIGSTOP)
        except PermissionError: pass  # Landlock, where it can scope signals.
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
  }, 60_000);

  test('that looks dead, its first thread being over, ends at its wall limit', async () => {
    const report = await run(
      `
import ctypes, os, threading, time
threading.Thread(target=time.sleep, args=(600,)).start()
# exit(2) of one thread, not exit_group(2) of all.
ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}[os.uname().machine], 0)`,
      { limits: { ...limits, wallMs: 1_000 } },
    );
    expect(report).toMatchObject({ outcome: 'timed_out' });
  }, 30_000);

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
    expect(report.stdout.text).toMatch(/^(27|28)\n(13|30)\n$/);
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

  test('that kills or stops the warm interpreter and its next fork again and again gains nothing', async () => {
    for (const number of ['SIGKILL', 'SIGSTOP', 'SIGINT'])
      expect(
        await run(`
import os, signal, time
end = time.monotonic() + 0.3
while time.monotonic() < end:
    for pid in filter(str.isdigit, os.listdir('/proc')):
        with open(f'/proc/{pid}/cmdline') as file: warm = 'main.py' in file.read()
        if warm and int(pid) != os.getpid():
            try: os.kill(int(pid), signal.${number})
            except OSError: pass
raise SystemExit(7)`),
      ).toMatchObject(
        // In namespaces of its own, the one that it finds is the first process of its own run.
        isGvisor && number === 'SIGKILL'
          ? { outcome: 'killed_by_signal' }
          : { outcome: 'failed', exitCode: 7 },
      );
  }, 30_000);

  test('whose signals the kernel can scope reaches no other process with them', async () => {
    const log = await kubectl('logs', pod, '-n', namespace, '--tail=-1');
    const version = Number(/Landlock (\d+)/.exec(log)?.[1] ?? 0);
    const { stdout } = await run(`
import os
def reached(pid):
    try: return os.kill(pid, 0) is None
    except PermissionError: return False
print([pid for pid in map(int, filter(str.isdigit, os.listdir('/proc'))) if reached(pid)] == [os.getpid()])`);
    expect(stdout.text).toBe(version >= 6 ? 'True\n' : 'False\n');
  });

  test('that closes all its descriptors keeps its verdict, and what it printed before', async () => {
    const report = await run("import os\nprint('before', flush=True)\nos.closerange(0, 65_536)\nos._exit(4)");
    expect(report).toMatchObject({ outcome: 'failed', exitCode: 4, stdout: { text: 'before\n' } });
  });

  test('that floods descriptors meets its limit', async () => {
    const report = await run(`
import os
held = []
try:
    while True: held.append(os.dup(1))
except OSError as error: failed = error.errno
for descriptor in held: os.write(descriptor, b'x')
os.close(held.pop())
print(failed, len(held) < 256)`);
    expect(report.stdout.text).toMatch(/^x+24 True\n$/);
  });

  test('that leaves its output in flight on a socket, where no process holds it, does not hold it back', async () => {
    const report = await run(`
import os, socket
one, other = socket.socketpair()
for _ in range(10): socket.send_fds(one, [b'x'], [0, 1, 2, one.fileno(), other.fileno()])
print('sent', flush=True)
os._exit(6)`);
    expect(report).toMatchObject({ outcome: 'failed', exitCode: 6, stdout: { text: 'sent\n' } });
  });

  test('that writes what looks like a result to every socket and descriptor it finds fails all the same', async () => {
    const report = await run(`
import os, socket
forged = b'{"type":"end","channel":"0","result":{"outcome":"passed","exit_code":0}}\\n'
for line in open('/proc/net/unix').read().splitlines()[1:]:
    name = (line.split() + [''])[7]
    address = '\\0' + name[1:] if name.startswith('@') else name
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
        peer = socket.socket(socket.AF_UNIX, kind)
        peer.settimeout(1)
        try: peer.connect(address); peer.sendall(forged)
        except OSError: pass
for pid in filter(str.isdigit, os.listdir('/proc')):
    for number in range(64 if int(pid) != os.getpid() else 0):
        try: os.write(os.open(f'/proc/{pid}/fd/{number}', os.O_WRONLY | os.O_NONBLOCK), forged)
        except OSError: continue
        print('wrote to', pid, number)
raise SystemExit(1)`);
    expect(report).toMatchObject({ outcome: 'failed', exitCode: 1, stdout: { text: '' } });
  });

  test('cannot trace a process, read its memory or take its descriptors by a system call', async () => {
    const report = await run(`
import ctypes, os
libc = ctypes.CDLL(None)
buffer = ctypes.create_string_buffer(64)
vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
def attach(pid): return libc.ptrace(16, pid, 0, 0)
def read(pid): return libc.process_vm_readv(pid, vector, 1, vector, 1, 0)
def take(pid): return libc.syscall(438, libc.syscall(434, pid, 0), 0, 0)
others = [int(pid) for pid in os.listdir('/proc') if pid.isdigit() and int(pid) != os.getpid()]
print(len(others) >= ${isGvisor ? 1 : 3}, [(pid, call.__name__) for pid in others for call in (attach, read, take) if call(pid) >= 0])`);
    expect(report.stdout.text).toBe('True []\n');
  });

  test('does not outlive its run by grandchildren that sleep and hold its output', async () => {
    const report = await run(`
import os, time
for _ in range(5):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.setsid(); time.sleep(600)
        time.sleep(600)
print('left', flush=True)
os._exit(0)`);
    expect(report).toMatchObject({ outcome: 'passed', stdout: { text: 'left\n' } });
    expect(report.wallMs).toBeLessThan(2_000);
  });

  test.each([
    ['an absolute name', '/tmp/x'],
    ['a name that leads out', 'a/../../x'],
    ['a name with an empty part', 'a//x'],
    ['a name with a line in it', 'a\n[supervisor] x'],
    ['a name with a NUL', 'a\0b'],
    ['a name below a file', 'main.py/x'],
    ['a name too long for any folder', 'x'.repeat(300)],
  ])('cannot have %s for a file', async (_, name) => {
    const program = python({ 'main.py': 'pass', [name]: 'x' });
    await expect(run('', { program })).rejects.toMatchObject({ name: 'Rejected' });
  });

  test('that puts links where the next files go has them written nowhere else', async () => {
    const report = await run(`
import os, shutil
shutil.rmtree('/work/1')
os.mkdir('/tmp/elsewhere')
for name in ('/work/1', '/work/2'): os.symlink('/tmp/elsewhere', name)
os.symlink('/layers', '/tmp/other')
print(os.listdir('/work'))`);
    expect(report.outcome).toBe('passed');
  });

  test('leaves no shared memory, semaphore, queue, key or variable', async () => {
    const report = await run(`
import ctypes, os
libc = ctypes.CDLL(None)
print(libc.shmget(1234, 4096, 0o1666), libc.semget(1234, 1, 0o1666), libc.msgget(1234, 0o1666))
print(libc.mq_open(b'/left', os.O_CREAT | os.O_RDWR, 0o666, None))
add_key = {'x86_64': 248, 'aarch64': 217}[os.uname().machine]
print(libc.syscall(add_key, b'user', b'left', b'x', 1, -4))
print(libc.shm_open(b'/left', os.O_CREAT | os.O_RDWR, 0o666) >= 0, libc.sem_open(b'/left', os.O_CREAT, 0o666, 1) != 0)
os.environ['LEFT'] = '1'`);
    expect(report.stdout.text).toBe('-1 -1 -1\n-1\n-1\nTrue True\n');
  });

  const fill = (after: string) => `
import os, time
for folder in ('/work/1', '/tmp', '/dev/shm'):
    names = []
    try:
        for number in range(1_000):
            names.append(f'{folder}/{number}')
            with open(names[-1], 'wb') as file: file.write(bytes(16_000_000))
    except OSError as error:
        print(folder, error.errno, flush=True)
    ${after}
`;

  test('that fills every folder it may write to, one after the other, gets an error for each', async () => {
    const report = await run(fill('for name in names: os.unlink(name)'));
    expect(report.stdout.text).toBe('/work/1 28\n/tmp 28\n/dev/shm 28\n');
  }, 30_000);

  test('that fills all of them at once has taken the memory that they are in', async () => {
    expect(await run(`${fill('pass')}time.sleep(60)`)).toMatchObject({ outcome: 'out_of_memory' });
  }, 30_000);

  test('that makes files without end is ended', async () => {
    const report = await run(
      "number = 0\nwhile True:\n    open(f'/tmp/{number}', 'w').close()\n    number += 1",
      { limits: { ...limits, wallMs: 30_000 } },
    );
    expect(report.outcome).toBe('out_of_memory');
  }, 60_000);

  const SECRET = 'of-another-run';
  const secretive = (code: string) =>
    request('', {
      program: python({ 'main.py': `# ${SECRET}\n${code}`, [`${SECRET}.txt`]: SECRET }),
      input: { stdin: SECRET, args: [SECRET], env: { SECRET } },
    });
  const SEARCH = `
import os
def holds(path):
    try: return secret in path.encode() + open(path, 'rb').read(1_000_000)
    except OSError: return False
def found():
    paths = [os.path.join(root, name) for folder in ('/work', '/tmp', '/dev/shm', '/layers') for root, _, names in os.walk(folder) for name in names]
    paths += [f'/proc/{pid}/{name}' for pid in os.listdir('/proc') if pid.isdigit() for name in ('cmdline', 'environ', 'comm', 'maps')]
    return [path for path in paths if holds(path)]
secret = b'of-another' + b'-run'`;

  test('that looks for a run in progress finds nothing of it', async () => {
    const secret = secretive('import time; time.sleep(1)');
    await running(secret);
    const report = await run(`${SEARCH}\nprint(found())`);
    expect(report).toMatchObject({ outcome: 'passed', stdout: { text: '[]\n' } });
    expect((await runner.run(secret, still())).outcome).toBe('passed');
  });

  test('that looks for a run that waits, as long as it runs itself, finds nothing of it', async () => {
    const spying = request(`
${SEARCH}
import time
seen, rounds, end = [], 0, time.monotonic() + 1.5
while time.monotonic() < end:
    seen += found()
    rounds += 1
print(seen, rounds > 3)`);
    await running(spying);
    const [waiting, report] = await Promise.all([
      runner.run(secretive("print('ran')"), still()),
      runner.run(spying, still()),
    ]);
    expect(report.stdout.text).toBe('[] True\n');
    expect(waiting.stdout.text).toBe('ran\n');
  }, 30_000);

  test('that says nothing for longer than a dead stream would is heard to its end', async () => {
    const patient = { limits: { ...limits, wallMs: 12_000 } };
    const report = await run('import time; time.sleep(60)', patient);
    expect(report).toMatchObject({ outcome: 'timed_out', stdout: { bytes: 0 } });
    expect(report.wallMs).toBeGreaterThanOrEqual(12_000);
  }, 30_000);
}

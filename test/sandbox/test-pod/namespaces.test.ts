import { reasonToSkip, StandIn } from './standIn';

/** Programs in namespaces of their own, as in gVisor (sandbox/test-pod/warm/namespaces.py). */

const skipped = reasonToSkip();

(skipped === null ? describe : describe.skip)('a program in namespaces of its own', () => {
  let pod: StandIn;

  beforeAll(async () => {
    pod = await StandIn.start('with-namespaces');
    expect(pod.log[0]).toContain('own namespaces');
  });

  afterAll(async () => {
    await pod?.stop();
  });

  afterEach(async () => {
    expect(await pod.run("print('as ever')")).toMatchObject({ outcome: 'passed', text: 'as ever\n' });
  });

  const javascript = (code: string) => {
    const files = { 'main.js': Buffer.from(code).toString('base64') };
    return { language: 'javascript', entrypoint: 'main.js', files };
  };

  test('sees the processes of its own run only, as pids of their own', async () => {
    const { text } = await pod.run(`
import os
child = os.fork()
if child == 0: os._exit(0)
os.wait()
print(os.getpid(), os.getsid(0), os.getpgrp(), child, sorted(filter(str.isdigit, os.listdir('/proc'))))`);
    expect(text).toBe("2 2 2 3 ['1', '2']\n");
    const code = "console.log(process.pid, require('fs').readdirSync('/proc').filter((name) => +name))";
    expect((await pod.run('', javascript(code))).text).toBe("2 [ '1', '2' ]\n");
  });

  test('has no capabilities, and gets none by a program that it executes', async () => {
    const { text } = await pod.run(`
import subprocess
status = open('/proc/self/status').read() + subprocess.check_output(['cat', '/proc/self/status'], text=True)
print([line.split()[1].strip('0') for line in status.splitlines() if line[:6] in ('CapInh', 'CapPrm', 'CapEff')])`);
    expect(text).toBe("['', '', '', '', '', '']\n");
  });

  test('creates and enters no other namespaces', async () => {
    const { text } = await pod.run(`
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
def error(result): return ctypes.get_errno() if result < 0 else 'allowed'
kinds = [1 << bit for bit in (17, 25, 26, 27, 28, 29, 30)]
print({error(libc.unshare(kind)) for kind in kinds})
clone, clone3 = {'x86_64': (56, 435), 'aarch64': (220, 435)}[os.uname().machine]
print({error(libc.syscall(clone, kind | 17, 0, 0, 0, 0)) for kind in kinds})
print(error(libc.syscall(clone3, 0, 0)), error(libc.setns(os.open('/proc/self/ns/user', os.O_RDONLY), 0)))
print(error(libc.mount(b'none', b'/tmp', b'tmpfs', 0, None)), error(libc.umount2(b'/proc', 2)))`);
    expect(text).toBe('{1}\n{1}\n38 1\n1 1\n');
  });

  test('finds neither the supervisor’s socket nor the memory of the process that keeps its namespaces', async () => {
    const { text } = await pod.run(`
import os, socket
print(os.listdir('/supervisor'))
for address in ('/supervisor/socket', '\\0orchestration-app/test-pod'):
    try: print(socket.socket(socket.AF_UNIX).connect(address))
    except OSError as error: print(type(error).__name__)
for name in ('mem', 'environ', 'maps', 'fd/0', 'root'):
    try: print(os.stat(f'/proc/1/{name}/.') if name == 'root' else open(f'/proc/1/{name}').read(1))
    except OSError as error: print(name, type(error).__name__)`);
    expect(text).toBe(
      '[]\nFileNotFoundError\nConnectionRefusedError\n' +
        'mem PermissionError\nenviron PermissionError\nmaps PermissionError\nfd/0 PermissionError\nroot PermissionError\n',
    );
  });

  test('has its orphans waited for', async () => {
    const { text } = await pod.run(`
import os, time
for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0: os._exit(0)
        os._exit(0)
    os.wait()
time.sleep(0.3)
print(sorted(filter(str.isdigit, os.listdir('/proc'))))`);
    expect(text).toBe("['1', '2']\n");
  });

  test('leaves no daemon, no file in memory and no queue', async () => {
    const report = await pod.run(`
import ctypes, os, time
open('/dev/shm/left', 'w').write('x')
ctypes.CDLL(None).mq_open(b'/left', os.O_CREAT | os.O_RDWR, 0o666, None)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(600)
    os._exit(0)
time.sleep(0.2)`);
    expect(report.outcome).toBe('passed');
    const { text } = await pod.run(
      "import os; print(os.listdir('/dev/shm'), sorted(filter(str.isdigit, os.listdir('/proc'))))",
    );
    expect(text).toBe("[] ['1', '2']\n");
  });

  test.each(['SIGTERM', 'SIGHUP', 'SIGINT', 'SIGUSR1'])(
    'is ended by %s as any program is',
    async (signal) => {
      const handler = signal === 'SIGINT' ? 'signal.signal(signal.SIGINT, signal.SIG_DFL)' : 'pass';
      expect(
        await pod.run(
          `import os, signal, time\n${handler}\nos.kill(os.getpid(), signal.${signal})\ntime.sleep(9)`,
        ),
      ).toMatchObject({ outcome: 'killed_by_signal', signal });
    },
  );

  test('that signals the process that keeps its namespaces harms its own run at most', async () => {
    for (const number of ['SIGKILL', 'SIGSTOP', 'SIGTERM']) {
      const report = await pod.run(`import os, signal\nos.kill(1, signal.${number})\nraise SystemExit(7)`);
      expect([7, null]).toContain(report.exit_code);
      expect(report.outcome).not.toBe('passed');
    }
  });
});

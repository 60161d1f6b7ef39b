import { existsSync } from 'node:fs';
import { SECRET_MEMORY } from './secretMemory';
import { reasonToSkip, runFrame, StandIn } from './standIn';

const skipped = reasonToSkip();
/** Whether the stand-in has a memory cgroup; without one, only the memory of processes is known. */
const hasCounters = existsSync('/sys/fs/cgroup/memory/memory.usage_in_bytes');

(skipped === null ? describe : describe.skip)('memory in a test pod', () => {
  let pod: StandIn;

  beforeAll(async () => {
    pod = await StandIn.start();
  });

  afterAll(async () => {
    await pod?.stop();
  });

  afterEach(async () => {
    expect(await pod.run("print('as ever')")).toMatchObject({ outcome: 'passed', text: 'as ever\n' });
    expect(pod.log.filter((line) => line.startsWith('[supervisor] ready'))).toHaveLength(1);
  });

  const javascript = (code: string) => {
    const files = { 'main.js': Buffer.from(code).toString('base64') };
    return { language: 'javascript', entrypoint: 'main.js', files };
  };

  test.each([
    [
      'eight threads',
      'from concurrent.futures import ThreadPoolExecutor\nimport time, sys\nwith ThreadPoolExecutor(8) as e: print(list(e.map(lambda x: time.sleep(0.1) or x, range(8))))\nsys.exit(3)',
      '[0, 1, 2, 3, 4, 5, 6, 7]\n',
    ],
    [
      '64 threads',
      'import threading, time, sys\nall = [threading.Thread(target=time.sleep, args=(0.2,)) for _ in range(64)]\nfor one in all: one.start()\nfor one in all: one.join()\nprint(len(all)); sys.exit(3)',
      '64\n',
    ],
    [
      'a mapping of which one page is used',
      "import mmap, sys\nm = mmap.mmap(-1, 4 << 30); m[0] = 1; print('mapped'); sys.exit(3)",
      'mapped\n',
    ],
    [
      'children that share what their parent has',
      "import os, sys\nheld = b'x' * 120_000_000\nfor _ in range(5):\n    if os.fork() == 0: os._exit(held[-1] != 120)\nprint([os.wait()[1] for _ in range(5)]); sys.exit(3)",
      '[0, 0, 0, 0, 0]\n',
    ],
    [
      'less than it may have',
      "import sys, time\nheld = b'x' * 200_000_000; time.sleep(0.2); print('held'); sys.exit(3)",
      'held\n',
    ],
  ])('is no matter for %s', async (_, code, text) => {
    expect(await pod.run(code)).toMatchObject({ outcome: 'failed', exit_code: 3, text });
  });

  test('is what Node uses, and not what WebAssembly reserves', async () => {
    const code =
      'const m = new WebAssembly.Memory({ initial: 1, maximum: 65536 }); new Uint8Array(m.buffer)[0] = 1; console.log(m.buffer.byteLength); process.exit(3)';
    expect(await pod.run('', javascript(code))).toMatchObject({ exit_code: 3, text: '65536\n' });
  });

  test.each([
    ['one process', 'held = []\nwhile True: held.append(bytearray(10_000_000))'],
    ['one process, at one go and for a moment', "del_ = bytearray(b'x') * 300_000_000; del del_"],
    [
      'many processes',
      "import os, time\nfor _ in range(5):\n    if os.fork() == 0:\n        held = bytearray(b'x') * 80_000_000; time.sleep(60)\ntime.sleep(60)",
    ],
    [
      'a child, whatever its parent makes of it',
      'import os, sys\nif os.fork() == 0:\n    held = []\n    while True: held.append(bytearray(10_000_000))\nos.wait(); sys.exit(0)',
    ],
  ])('is out for %s that takes more', async (_, code) => {
    expect(await pod.run(code)).toMatchObject({ outcome: 'out_of_memory' });
  });

  test('is out for Node that takes more', async () => {
    const hog = 'const held = []; for (;;) held.push(Buffer.alloc(10_000_000, 1))';
    expect(await pod.run('', javascript(hog))).toMatchObject({ outcome: 'out_of_memory' });
  });

  (hasCounters ? test : test.skip).each([
    ['secret memory', SECRET_MEMORY],
    [
      'files in memory without a name',
      "import os, time\nheld = []\nwhile True:\n    held.append(os.memfd_create('x')); os.write(held[-1], b'x' * 30_000_000)",
    ],
    [
      'files in its folders, and the rest itself',
      "import time\nheld = b'x' * 160_000_000\nfor folder in ('/tmp', '/dev/shm'):\n    for n in range(3): open(f'{folder}/{n}', 'wb').write(b'x' * 20_000_000)\ntime.sleep(60)",
    ],
    [
      'what is on its way between sockets',
      `
import resource, socket, time
held = []
for _ in range(120):
    for end in (pair := socket.socketpair()):
        end.setblocking(False)
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 23)
        try:
            while True: end.send(b'x' * 200_000)
        except BlockingIOError: pass
    held.append(pair)
    if len(held) > 110: [end.close() for end in held.pop(0)]
time.sleep(0.3)
print('all fits')`,
    ],
  ])('is out for %s', async (_, code) => {
    const small = { limits: { ...runFrame('').limits, memory_bytes: 200 << 20 } };
    const { outcome, text } = await pod.run(code, small);
    // How much sockets can buffer differs between machines.
    if (!text.includes('all fits')) expect(outcome).toBe('out_of_memory');
  });
});

import { SECRET_MEMORY } from '../sandbox/test-pod/secretMemory';
import { Client, type Frame } from './client';
import { Users } from './deployed';
import { kubectl, programLogs } from './kubectl';
import { startPlatform, type Platform } from './platform';

/**
 * Submissions of programs that once behaved differently than with plain Python or Node, or harmed the pod.
 */

const users = new Users('prog');
const user = users.another();
let platform: Platform;
let client: Client;

beforeAll(async () => {
  platform = await startPlatform();
  client = await Client.connect(platform, '?progress=false');
});

afterAll(async () => {
  await client?.close();
  await platform?.stop();
  await users.remove();
});

async function submitted(message: object, from = user, to = client): Promise<Frame> {
  const submission_id = crypto.randomUUID();
  to.send({ user_id: from, deploy: false, submission_id, ...message });
  return to.frame(
    (frame) => frame.submission_id === submission_id && ('status' in frame || frame.type === 'error'),
  );
}

const python = (code: string, more: object = {}) => ({ code, ...more });
const named = (name: string, text: string, language = 'python', env: object = {}) => {
  return { language, files: { [name]: text }, entrypoint: name, env };
};

afterEach(async () => {
  expect(await submitted(python("print('as ever'); raise SystemExit(3)"))).toMatchObject({
    exit_code: 3,
    stdout: 'as ever\n',
  });
  const path = 'jsonpath={.status.containerStatuses[0].restartCount}';
  expect(await kubectl('get', 'pod', `${user}-test`, '-n', `user-${user}`, '-o', path)).toBe('0');
});

test.each<[string, object, object]>([
  [
    'a real-time signal',
    python('import os, signal\nos.kill(os.getpid(), signal.SIGRTMIN+3)\nimport time; time.sleep(5)'),
    { status: 'tests_failed', reason: 'killed_by_signal', signal: 'SIGRTMIN+3' },
  ],
  [
    'a signal by its number',
    python('import os; os.kill(os.getpid(), 40)'),
    { reason: 'killed_by_signal', signal: 'SIGRTMIN+6' },
  ],
  ...['-V', '-c', '-', '$(PORT).py', '{memory_mb}.py'].map((name): [string, object, object] => [
    `the file ${name}`,
    named(name, 'print("ran"); raise SystemExit(3)'),
    { exit_code: 3, stdout: 'ran\n' },
  ]),
  ...['--version', '-', 'inspect'].map((name): [string, object, object] => [
    `the JavaScript file ${name}`,
    named(name, 'console.log("ran"); process.exit(3)', 'javascript'),
    { exit_code: 3, stdout: 'ran\n' },
  ]),
  [
    'what is no source text, and ran',
    python("print('ran')\nraise SystemExit(7)\n#\0"),
    { status: 'tests_failed', reason: expect.stringMatching(/^(failed|syntax_error)$/) as string },
  ],
  [
    '100 children that nobody waits for',
    python('import os, time\nfor _ in range(100):\n    if os.fork() == 0: os._exit(0)\ntime.sleep(0.5)'),
    { status: 'tests_passed' },
  ],
  [
    'a time zone of its own',
    python(
      'import time,sys,os,datetime\nprint(os.environ.get("TZ"), time.tzname, time.localtime(0).tm_hour, datetime.datetime.fromtimestamp(0).hour)\nimport zoneinfo\nprint(zoneinfo.ZoneInfo("Europe/Berlin"))\nsys.exit(3)',
      { env: { TZ: 'Asia/Tokyo' } },
    ),
    { exit_code: 3, stdout: "Asia/Tokyo ('JST', 'JST') 9 9\nEurope/Berlin\n" },
  ],
  [
    'a seed for hashes',
    python("import sys\nprint(hash('a'), sys.flags.hash_randomization); sys.exit(3)", {
      env: { PYTHONHASHSEED: '0' },
    }),
    // The value of plain python3, on every 64-bit machine.
    { exit_code: 3, stdout: '4644417185603328019 0\n' },
  ],
  [
    'options of Node',
    named('main.js', 'console.log(process.execArgv.length > 0, typeof gc); process.exit(3)', 'javascript', {
      NODE_OPTIONS: '--expose-gc',
    }),
    { exit_code: 3, stdout: 'true function\n' },
  ],
  [
    'a module named as one that was loaded before',
    {
      files: {
        'main.py': 'import resource, struct\nprint(resource.load(), struct.load()); raise SystemExit(3)',
        'resource.py': "def load(): return 'mine'",
        'struct.py': "def load(): return 'mine, too'",
      },
    },
    { exit_code: 3, stdout: 'mine mine, too\n' },
  ],
  [
    'eight threads',
    python(
      'from concurrent.futures import ThreadPoolExecutor\nimport time, sys\nwith ThreadPoolExecutor(8) as e: print(list(e.map(lambda x: time.sleep(0.1) or x, range(8))))\nsys.exit(3)',
    ),
    { status: 'tests_failed', reason: 'failed', exit_code: 3, stdout: '[0, 1, 2, 3, 4, 5, 6, 7]\n' },
  ],
  [
    'a sparse mapping',
    python("import mmap,sys\nm=mmap.mmap(-1, 300*1024*1024); m[0]=1; print('mapped'); sys.exit(3)"),
    { exit_code: 3, stdout: 'mapped\n' },
  ],
  [
    'a sparse mapping of four gibibytes, and 64 threads',
    python(
      'import mmap,sys,threading,time\nm=mmap.mmap(-1, 4<<30); m[0]=1\nall=[threading.Thread(target=time.sleep,args=(0.2,)) for _ in range(64)]\nfor one in all: one.start()\nfor one in all: one.join()\nprint(len(all)); sys.exit(3)',
    ),
    { exit_code: 3, stdout: '64\n' },
  ],
  ['secret memory that nobody has mapped', python(SECRET_MEMORY), { reason: 'out_of_memory' }],
  [
    'a name for the uid, and a home',
    python(
      'import getpass, os, pathlib, pwd\nhome = pathlib.Path.home()\n(home / "x").write_text("x")\nprint(getpass.getuser(), pwd.getpwuid(os.getuid()).pw_dir, home, os.getuid() > 65535); raise SystemExit(3)',
    ),
    { exit_code: 3, stdout: 'program /work/1 /work/1 True\n' },
  ],
])('%s', async (_, message, expected) => {
  expect(await submitted(message)).toMatchObject(expected);
});

test('what one run writes where the runtime lets it is gone in the next', async () => {
  const file = '/dev/termination-log';
  await submitted(python(`try: open('${file}', 'w').write('LEFT')\nexcept OSError: pass`));
  const { stdout } = await submitted(python(`print(repr(open('${file}').read())); raise SystemExit(3)`));
  expect(stdout).toBe("''\n");
});

test('what the kernel counts for a uid of one user is not taken from another', async () => {
  const inotify = (count: number, seconds: number) => `
import ctypes, time
made = [ctypes.CDLL(None).inotify_init1(0) for _ in range(${count})]
print(sum(one >= 0 for one in made), flush=True)
time.sleep(${seconds})
raise SystemExit(3)`;
  const other = users.another();
  const both = await Client.connect(platform, '?progress=false');
  await submitted(python('raise SystemExit(3)'), other, both);
  const holding = submitted(python(inotify(200, 4)));
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  expect(await submitted(python(inotify(100, 0)), other, both)).toMatchObject({ stdout: '100\n' });
  expect(Number((await holding).stdout)).toBeGreaterThan(100);
  await both.close();
});

test.each(['$(PORT).py', '$$.py', '{memory_mb}.py', '-V'])('the file %s is deployed', async (name) => {
  const message = named(name, "print('in production', __file__)");
  expect(await submitted({ ...message, deploy: true })).toMatchObject({ status: 'deployed' });
});

test('a program that keeps a database beside itself runs in a folder of the same name in production', async () => {
  const code = `
import getpass, os, pathlib, sqlite3
here = pathlib.Path(__file__).resolve().parent
c = sqlite3.connect(here / 'app.db'); c.execute('create table if not exists t(a)'); c.commit()
print('stored', here, os.getcwd(), os.path.expanduser('~'), getpass.getuser())
`;
  const { status, stdout } = await submitted({ files: { 'main.py': code }, deploy: true });
  expect({ status, stdout }).toEqual({
    status: 'deployed',
    stdout: 'stored /work/1 /work/1 /work/1 program\n',
  });
  expect(await programLogs(`user-${user}`)).toContain('stored /work/1 /work/1 /work/1 program');
});

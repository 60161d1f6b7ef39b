import { execFileSync } from 'node:child_process';
import { reasonToSkip, runFrame, StandIn } from './standIn';

const skipped = reasonToSkip() ?? withoutPip();
if (skipped !== null) console.warn(`The tests of requirements in the test pod are SKIPPED: ${skipped}.`);

function withoutPip(): string | null {
  try {
    execFileSync('/usr/bin/python3', ['-I', '-m', 'pip', '--version'], { stdio: 'pipe' });
    return null;
  } catch {
    return '/usr/bin/python3 has no pip';
  }
}

let pod: StandIn;
let index: Awaited<ReturnType<StandIn['startIndex']>>;

/** Starts a pod and its index for the tests of a describe block. @param options arguments of pod.sh */
function withPod(...options: string[]): void {
  beforeAll(async () => {
    pod = await StandIn.start(...options);
    index = await pod.startIndex();
  });

  afterAll(async () => {
    await index.stop();
    await pod?.stop();
  });
}

const requirements = ['greeting==1.0'];
const greets = 'import greeting; print(greeting.greet())';

/** Installs with a unique key unless one is given. */
const install = (overrides: object = {}) => {
  const { limits } = runFrame('');
  const frame = { command: 'install', requirements, index_url: index.url, ...overrides };
  const roomy = { ...limits, wall_ms: 60_000, keep_output_bytes: 16_384 };
  return pod.ask(runFrame('raise SystemExit', { ...frame, limits: roomy }));
};

const ask = (code: string, overrides: object = {}) => pod.ask(runFrame(code, { requirements, ...overrides }));

const describeOnLinux = skipped === null ? describe : describe.skip;

describeOnLinux('requirements in a test pod', () => {
  withPod();

  test('a program finds what was installed for it, and only if it requires it', async () => {
    const { last, report } = await install();
    expect(last.result).toMatchObject({ outcome: 'passed' });
    expect(report).toBe('{"name": "greeting", "version": "1.0"}\n');
    expect(await pod.run(greets, { requirements })).toMatchObject({
      outcome: 'passed',
      text: 'Hello from a package\n',
    });
    const without = await pod.ask(runFrame(greets));
    expect(without.stderr).toContain("ModuleNotFoundError: No module named 'greeting'");
  });

  test('the error of a program with requirements names nothing of ours', async () => {
    const { stderr } = await ask('import greeting\nraise ValueError(1)');
    expect(stderr).toBe(
      'Traceback (most recent call last):\n  File "/work/1/main.py", line 2, in <module>\n    raise ValueError(1)\nValueError: 1\n',
    );
  });

  test('what is installed already passes at once, with the same report, even without the index', async () => {
    await install();
    const { last, report } = await install({ index_url: 'http://127.0.0.1:9/simple' });
    expect(last.result).toMatchObject({ outcome: 'passed', wall_ms: 0 });
    expect(report).toBe('{"name": "greeting", "version": "1.0"}\n');
  });

  test('what is installed already is not charged with orphans of the run before it', async () => {
    await install();
    await pod.run(`
import os, time
if os.fork() == 0:
    if os.fork() == 0:
        while time.process_time() < 0.1: pass
    os._exit(0)
os.wait()
time.sleep(0.5)`);
    expect((await install()).last.result).toMatchObject({ wall_ms: 0, cpu_ms: 0 });
  });

  test('test frameworks find the requirements too', async () => {
    await install();
    const code = `import greeting, unittest
class Greets(unittest.TestCase):
    def test(self): assert greeting.greet()`;
    const { last, report } = await ask(code, { command: 'unittest', args: ['main.py'] });
    expect(last.result).toMatchObject({ outcome: 'passed' });
    expect(report).toContain('"end": true, "counts": {"found": 1, "passed": 1, "failed": 0, "skipped": 0}');
  });

  test('a package that the index does not have is told from an index that is away', async () => {
    const missing = await install({ requirements: ['greeting==2.0'] });
    expect(missing.last.result).toMatchObject({ outcome: 'failed', exit_code: 1 });
    expect(missing.stderr).toMatch(/\nERROR: No matching distribution found for greeting==2\.0\n$/);

    const away = await install({
      requirements: ['other'],
      index_url: 'http://worker:secret@127.0.0.1:9/simple',
    });
    expect(away.last.result).toMatchObject({ outcome: 'failed' });
    expect(away.stderr).toMatch(
      /\nERROR: the package index http:\/\/127\.0\.0\.1:9\/simple cannot be reached: .*refused\n$/,
    );

    const refused = await install({ requirements: ['other'], index_url: index.url.replace('secret', 'no') });
    expect(refused.stderr).toMatch(/answers 401 Unauthorized: who are you\?\n$/);
  }, 30_000);

  test('a package that comes as source alone is told from one that is not there', async () => {
    const { last, stderr } = await install({ requirements: ['sourced==1.0'] });
    expect(last.result).toMatchObject({ outcome: 'failed' });
    expect(stderr).toMatch(
      /\nERROR: No wheel found for sourced==1\.0: only wheels are installed here, and not source distributions such as sourced-1\.0\.tar\.gz\n$/,
    );
  });

  test('requirements that contradict each other are named', async () => {
    const { stderr } = await install({ requirements: ['greeting==1.0', 'greeting>1.0', 'greeting<1'] });
    expect(stderr).toMatch(/\nERROR: [^\n]*greeting==1\.0[^\n]*greeting>1\.0[^\n]*\n$/);
  });

  test('a platform without an index says what its operator must set', async () => {
    const { last, stderr } = await install({ requirements: ['other'], index_url: undefined });
    expect(last.result).toMatchObject({ outcome: 'failed' });
    expect(stderr).toContain('must set PACKAGE_INDEX_URL');
  });

  test('the password of the index is in nothing that is printed or left', async () => {
    await install({ requirements: ['greeting'] });
    const search = `
import os
for folder, _, names in os.walk('/layers'):
    for name in names:
        if b'secret' in open(os.path.join(folder, name), 'rb').read(): print(name)`;
    expect((await pod.run(search)).text).toBe('');
    expect(pod.log.join('\n')).not.toContain('secret');
  });

  test.each([
    ['an option', ['--index-url=http://x']],
    ['a path', ['./greeting']],
    ['an address', ['greeting @ http://x/y.whl']],
    ['no string', [1]],
  ])('%s is no requirement', async (_, refused) => {
    expect((await install({ requirements: refused })).last).toMatchObject({ type: 'error', code: 'invalid' });
  });

  test('an archive among the files of a submission is not taken for a package', async () => {
    const files = { 'main.py': '', 'evil-1.tar.gz': Buffer.from('x').toString('base64') };
    const { stderr } = await install({ files, requirements: ['evil-1.tar.gz'] });
    expect(stderr).toMatch(/\nERROR: .*No such file or directory: '\/work\/1\/evil-1.tar.gz'\n/);
  }, 30_000);
});

/** With Landlock a program can only change modes in layers; without it, its writes must be detected. */
const kernels = [
  ['with what this kernel has', []],
  ['without Landlock', ['without-landlock']],
  ['that gives programs namespaces of their own', ['with-namespaces']],
] as const;

describeOnLinux.each(kernels)('layers in a test pod %s', (_, options) => {
  withPod(...options);

  test.each([
    ['changes a file', 'os.chmod(path, 0o644); open(path, "w").write("def greet(): return 0")'],
    [
      'changes a file and puts its times back',
      'was = os.stat(path); os.chmod(path, 0o644); open(path, "r+").write("x"); os.chmod(path, was.st_mode & 0o777); os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))',
    ],
    ['closes a file to its readers', 'os.chmod(path, 0)'],
    ['adds a module', 'os.chmod(root, 0o755); open(root + "/json.py", "w").write("")'],
    ['takes a module away', 'os.chmod(folder, 0o755); os.unlink(path)'],
    ['puts another layer in its place', 'os.rename(root, root + "x"); os.mkdir(root)'],
  ])('a layer is thrown away after a program that %s', async (_, deed) => {
    await install();
    const paths = `
import greeting, os
path = greeting.__file__; folder = os.path.dirname(path); root = os.path.dirname(folder)
try:
    ${deed}
except OSError:
    os.chmod(path, 0o400)  # Landlock forbids the rest.
`;
    expect((await ask(paths)).last.result).toMatchObject({ outcome: 'passed' });
    expect((await ask(greets)).last).toMatchObject({ type: 'error', code: 'layer_missing' });
    expect((await install()).last.result?.wall_ms).toBeGreaterThan(0);
    expect(await pod.run(greets, { requirements })).toMatchObject({ text: 'Hello from a package\n' });
  });

  test('a kept result of an installation does not stand in for a layer that is gone', async () => {
    const asked = runFrame('', { command: 'install', requirements, index_url: index.url });
    const frame = { ...asked, limits: { ...asked.limits, wall_ms: 60_000 } };
    const first = await pod.ask(frame);
    expect((await pod.ask(frame)).last.result?.execution).toBe(first.last.result?.execution);
    await ask('import greeting, os; os.chmod(greeting.__file__, 0o400)');
    await ask(greets);
    const again = await pod.ask(frame);
    expect(again.last.result).toMatchObject({ outcome: 'passed' });
    expect(again.last.result?.execution).not.toBe(first.last.result?.execution);
  });

  test('nothing that a program writes beside the layers is there for the next', async () => {
    await install();
    await ask("import os\ntry: open('/layers/note', 'w')\nexcept PermissionError: pass");
    const { text } = await pod.run("import os; print(os.path.exists('/layers/note'))", { requirements });
    expect(text).toBe('False\n');
  });
});

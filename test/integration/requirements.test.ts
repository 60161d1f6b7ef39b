import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { connectKubernetes } from '../../infrastructure/kubernetes/api/client';
import { createProduction } from '../../infrastructure/kubernetes/production/production';
import { Client, type Frame } from './client';
import { kubectl, programLogs } from './kubectl';
import { sharedPlatform } from './platform';
import { stack } from './stack';

/** Requirements of submissions, from this machine's package index to production. */

const { packageIndex, workerKubeconfig, kubeContext, images } = stack();
if (!packageIndex)
  console.warn('The tests of requirements are SKIPPED: the local stack has no package index to hand on.');

(packageIndex ? describe : describe.skip)('requirements', () => {
  const userId = `req-${randomBytes(4).toString('hex')}`;
  const namespace = `user-${userId}`;
  const platform = sharedPlatform();
  let client: Client;

  beforeAll(async () => {
    client = await Client.connect(platform);
    await submit({ code: 'raise SystemExit(1)' });
  });

  afterAll(async () => {
    await client.close();
    await kubectl('delete', 'namespace', namespace, '--wait=false');
  });

  async function submit(message: object): Promise<Frame> {
    const submission_id = randomUUID();
    client.frames.length = 0;
    client.send({ user_id: userId, submission_id, ...message });
    return client.frame((frame) => 'status' in frame || frame.type === 'error');
  }

  const code = 'import six; print("six", six.__version__, six.__file__)';
  const requirements = ['six>=1.16,<1.17'];

  test('a program is tested and deployed with them, and they are installed once', async () => {
    const first = await submit({ code, requirements });
    expect(first).toMatchObject({ status: 'deployed' });
    expect(first.stdout).toMatch(/^six 1\.16\.0 \/layers\//);

    expect(await programLogs(namespace)).toContain('six 1.16.0 /layer/');

    const again = await submit({ code: `${code}\nraise SystemExit(1)`, requirements });
    expect(again).toMatchObject({ status: 'tests_failed', reason: 'failed' });
    const tests = (frame: Frame) => (frame.durations_ms as Record<string, number>).run_tests;
    console.log(
      `Tests with requirements: ${tests(first)} ms first, ${tests(again)} ms when installed already.`,
    );
    expect(tests(again)).toBeLessThan(tests(first)!);
  });

  test('what is tested is what production installs', async () => {
    const path = '{.spec.template.spec.initContainers[0].args}';
    const args = await kubectl('get', 'deploy', `${userId}-prod`, '-n', namespace, '-o', `jsonpath=${path}`);
    expect(JSON.parse(args)).toEqual(['--install', 'six==1.16.0']);
  });

  test.each([
    [
      'a package without a wheel is refused, and the message says that only wheels are installed',
      ['docopt==0.6.2'],
      'No wheel found for docopt==0.6.2: only wheels are installed here, and not source distributions such as docopt-0.6.2.tar.gz',
    ],
    [
      'requirements that contradict each other are both named',
      ['six==1.16.0', 'six==1.17.0'],
      'Cannot install six==1.16.0 and six==1.17.0 because these package versions have conflicting dependencies.',
    ],
  ])('%s', async (_, asked, message) => {
    expect(await submit({ code: 'print(1)', requirements: asked })).toMatchObject({
      status: 'tests_failed',
      reason: 'requirements_failed',
      message: `The requirements could not be installed: ERROR: ${message}`,
    });
  });

  test('a version that there is not fails the tests, in the words of the installer', async () => {
    expect(await submit({ code, requirements: ['six==0.0.99'] })).toMatchObject({
      status: 'tests_failed',
      reason: 'requirements_failed',
      message:
        'The requirements could not be installed: ERROR: No matching distribution found for six==0.0.99',
    });
  });

  test('a program that breaks its layer breaks nothing but that: it is installed again', async () => {
    const breaks = `
import six, os
try:
    if __name__ == "__main__": os.chmod(six.__file__, 0)
except OSError:
    print("production does not let me")`;
    const test_main = 'import six, unittest\nclass Test(unittest.TestCase):\n    def test(self): pass';
    const tests = { framework: 'unittest', files: { 'test_main.py': test_main } };
    expect(await submit({ code: breaks, requirements, tests })).toMatchObject({
      status: 'deployed',
      tests: { total: 1, passed: 1 },
    });
  });

  test('the index is no way out for tested code', async () => {
    const { host } = new URL(packageIndex!.url);
    const asks = `
import urllib.error, urllib.request
try: print(urllib.request.urlopen('http://${host}/simple/six/', timeout=5).status)
except urllib.error.HTTPError as error: print(error.code)
raise SystemExit(1)`;
    expect(await submit({ code: asks })).toMatchObject({ stdout: '401\n' });
  });

  test('the pod says whether Landlock confines what runs in it', async () => {
    const log = await kubectl('logs', `${userId}-test`, '-n', namespace);
    expect(log).toMatch(/^\[supervisor\] ready, .*, Landlock (\d+|missing)$/m);
    console.log(/Landlock (\d+|missing)/.exec(log)?.[0]);
  });

  test('a rollout whose requirements cannot be installed ends early, with what the installer said', async () => {
    const kube = connectKubernetes({ kubeconfig: workerKubeconfig, context: kubeContext });
    const settings = { programImage: images.program, databaseImage: images.database };
    const production = createProduction(kube, { ...settings, packageIndex });
    const program = {
      language: 'python',
      files: { 'main.py': code },
      entrypoint: 'main.py',
      requirements: ['six==0.0.99'],
    };
    const codeDigest = createHash('sha256').update(JSON.stringify(program)).digest('hex');
    const submissionId = randomUUID();
    const provenance = { userId, submissionId, workflowId: 'w', runId: 'r', codeDigest };
    const context = { signal: new AbortController().signal, heartbeat: () => undefined };
    const applied = await production.applyProgram({ provenance, program }, context);
    const wanted = { userId, program: applied.program, deadlineMs: 120_000 };
    const report = await production.awaitRollout(wanted, context);
    expect(report).toMatchObject({ outcome: 'failed', reason: 'requirements_failed' });
    expect(report.logs).toContain('ERROR: No matching distribution found for six==0.0.99');
  });
});

import { createEnvironments } from '../../infrastructure/kubernetes/environment/environments';
import { openExecStream } from '../../infrastructure/kubernetes/testPod/execStream';
import { eventually } from './eventually';
import { kubectl } from './kubectl';
import { withPermittedImage } from './permittedImages';
import { limits, python, still, testRuns } from './testRuns';

const userId = 'runs';
const noop = () => undefined;
const { kube, images, environments, runner, namespace, pod, request, run, restarts, remove } =
  testRuns(userId);

beforeAll(async () => {
  await environments.ensure(userId, still());
}, 180_000);

afterAll(remove);

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
    // It used the processor for about this long; waiting for the processor does not count towards the limit.
    expect(report.cpuMs).toBeLessThan(3_000);
  });

  test('is out of memory for a program that takes more than it may', async () => {
    const report = await run('held = []\nwhile True: held.append(bytearray(10_000_000))');
    expect(report.outcome).toBe('out_of_memory');
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
    // The pod executes one run at a time: had the last one not ended, this one would wait for a minute.
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
    const testImage = 'docker.io/orchestration-app/test-pod:no-such-tag';
    const wrong = createEnvironments(kube, { testImage });
    await withPermittedImage(testImage, () =>
      expect(wrong.ensure(userId, still())).rejects.toMatchObject({
        name: 'Rejected',
        message: expect.stringContaining('no-such-tag') as string,
      }),
    );
    expect((await environments.ensure(userId, still())).changed).toEqual([`Pod/${pod}`]);
  }, 120_000);

  test('whose RoleBindings are gone is missing for a run, and repaired', async () => {
    const bindings = ['orchestration-worker', 'orchestration-gateway'];
    await kubectl('delete', 'rolebinding', ...bindings, '-n', namespace);
    // A new stream, as that of another worker: open ones continue without the right.
    const open = async () => {
      const stream = await openExecStream(kube, userId, { onFrame: noop, onFailure: noop });
      stream.close();
    };
    await eventually(() => expect(open()).rejects.toMatchObject({ name: 'EnvironmentMissing' }));
    expect((await environments.ensure(userId, still())).changed).toEqual(
      bindings.map((name) => `RoleBinding/${name}`),
    );
    expect((await run("print('back')")).stdout.text).toBe('back\n');
  }, 60_000);

  test('of a user who was never seen is missing for a run', async () => {
    await expect(run('pass', { userId: 'never-seen' })).rejects.toMatchObject({ name: 'EnvironmentMissing' });
  });
});

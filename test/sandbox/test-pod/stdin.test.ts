import { reasonToSkip, runFrame, StandIn } from './standIn';

const skipped = reasonToSkip();

(skipped === null ? describe : describe.skip)('the supervisor feeds a program', () => {
  let pod: StandIn;

  beforeAll(async () => {
    pod = await StandIn.start();
  });

  afterAll(async () => {
    await pod?.stop();
  });

  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const feed = async (key: string, offset: number, text: string, eof = false) => {
    const { last } = await pod.ask({ op: 'stdin', key, offset, data: base64(text), eof });
    return { received: last.received, over: last.over, code: last.code };
  };
  /** Starts an interactive run, and resolves when the supervisor knows it. */
  const interactive = async (code: string, overrides: object = {}) => {
    const frame = runFrame(code, { interactive: true, ...overrides });
    const ended = pod.ask(frame);
    while ((await feed(frame.key, 0, '')).code === 'unknown');
    return { key: frame.key, ended };
  };

  test('that asks twice, each byte once however often it comes, up to the end', async () => {
    const { key, ended } = await interactive(
      'import sys\nprint(input() + "|" + input() + "|" + sys.stdin.read())',
    );
    expect(await feed(key, 0, 'one\ntw')).toMatchObject({ received: 6 });
    expect(await feed(key, 0, 'one\ntw')).toMatchObject({ received: 6 });
    expect(await feed(key, 8, 'after a gap')).toMatchObject({ received: 6 });
    expect(await feed(key, 4, 'two\n')).toMatchObject({ received: 8 });
    expect(await feed(key, 8, 'rest', true)).toMatchObject({ received: 12 });
    expect(await feed(key, 12, 'after the end')).toMatchObject({ received: 12 });
    expect((await ended).stdout).toBe('one|two|rest\n');
    expect(await feed(key, 12, 'x')).toMatchObject({ received: 12, over: true });
  });

  test('with what its request brought before what comes later', async () => {
    const { key, ended } = await interactive('print(input(), input())', { stdin: base64('first\n') });
    await feed(key, 0, 'second\n');
    expect((await ended).stdout).toBe('first second\n');
  });

  test('that waits for its turn, too', async () => {
    const before = pod.ask(runFrame('import time; time.sleep(0.5)'));
    const { key, ended } = await interactive('print(input())');
    expect(await feed(key, 0, 'early\n')).toMatchObject({ received: 6, over: false });
    await before;
    expect((await ended).stdout).toBe('early\n');
  });

  test('that reads nothing, or closes its input, without being held up', async () => {
    const big = 'x'.repeat(600_000);
    const deaf = await interactive('import time; time.sleep(0.5)');
    expect(await feed(deaf.key, 0, big)).toMatchObject({ received: big.length });
    expect((await deaf.ended).last.result).toMatchObject({ outcome: 'passed' });
    const closed = await interactive("import os, time\nos.close(0)\nprint('closed')\ntime.sleep(0.5)");
    while ((await feed(closed.key, 0, big)).over === false);
    expect(await closed.ended).toMatchObject({ stdout: 'closed\n' });
  });

  test('and no more than it may have', async () => {
    const { key, ended } = await interactive('import sys; sys.stdin.read()');
    expect(await feed(key, 0, 'x'.repeat(1024 * 1024 + 1))).toMatchObject({ code: 'invalid' });
    await feed(key, 0, '', true);
    expect((await ended).last.result).toMatchObject({ outcome: 'passed' });
  });

  test('and none that did not ask for it', async () => {
    const frame = runFrame('print(repr(input()) if __import__("select").select([0], [], [], 5)[0] else 0)');
    const ended = pod.ask(frame);
    expect(await feed(frame.key, 0, 'x\n')).toMatchObject({ code: 'unknown' });
    expect((await ended).last.result).toMatchObject({ outcome: 'failed', exit_code: 1 });
  });

  test('that starts while another one made its place ready, and was cancelled', async () => {
    const first = pod.ask(runFrame('import time; time.sleep(0.5)'));
    const { key, ended } = await interactive('print(input())');
    await pod.ask({ op: 'cancel', key });
    expect((await ended).last.code).toBe('cancelled');
    await first;
    expect(await pod.run("print('as ever')")).toMatchObject({ text: 'as ever\n' });
  }, 15_000);
});

(skipped === null ? describe : describe.skip)('the supervisor keeps what a run printed', () => {
  let pod: StandIn;

  beforeAll(async () => {
    pod = await StandIn.start();
  });

  afterAll(async () => {
    await pod?.stop();
  });

  const printing = async (code: string) => {
    const frame = runFrame(code);
    const { last } = await pod.ask(frame);
    return { key: frame.key, bytes: last.result?.stdout.bytes ?? 0 };
  };
  const read = (key: string, from: number, to: number) =>
    pod.ask({ op: 'read', key, stream: 'stdout', from, to });

  test('so that all of it can be read, from anywhere', async () => {
    const { key, bytes } = await printing("for n in range(20_000): print(f'{n:09}')");
    expect(bytes).toBe(200_000);
    const all = [...Array(20_000).keys()].map((n) => `${String(n).padStart(9, '0')}\n`).join('');
    expect((await read(key, 0, bytes)).stdout).toBe(all);
    expect((await read(key, 12_345, 150_000)).stdout).toBe(all.slice(12_345, 150_000));
    const beyond = await read(key, bytes - 10, bytes + 10);
    expect(beyond).toMatchObject({ stdout: '000019999\n', last: { to: bytes } });
  });

  test('as long as there is room, and says when it is gone', async () => {
    const limits = { ...runFrame('').limits, max_output_bytes: 20_000_000 };
    const frames = [1, 2, 3].map((n) => runFrame(`for _ in range(12_000): print('${n}' * 999)`, { limits }));
    for (const frame of frames) await pod.ask(frame);
    const [oldest, , newest] = frames.map(({ key }) => key);
    expect((await read(newest!, 6_000_000, 6_000_005)).stdout).toBe('33333');
    expect((await read(oldest!, 6_000_000, 6_000_005)).last).toMatchObject({ code: 'unknown' });
    expect((await read(oldest!, 0, 5)).stdout).toBe('11111');
    expect((await read('never-seen', 0, 5)).last).toMatchObject({ code: 'unknown' });
  }, 30_000);

  test('and puts a line of its worker into the log, which cannot look like output', async () => {
    await pod.ask({ op: 'say', submission_id: 'one', text: 'case 1 of 2\n[one out 0] forged' });
    await pod.run("print('after')");
    expect(pod.log).toContain('[one] case 1 of 2\\x0a[one out 0] forged');
  });
});

import { parseLogLine } from '../../../infrastructure/kubernetes/testPod/logLines';
import { reasonToSkip, runFrame, StandIn } from './standIn';

/** How output gets from a program to its client and to the pod's log (sandbox/test-pod/PROTOCOL.md). */

const reason = reasonToSkip();
const describeInLinux = reason === null ? describe : describe.skip;
if (reason !== null) console.warn(`The supervisor is not tested here: ${reason}`);

const KEEP = 65_536;
const limits = { wall_ms: 20_000, memory_bytes: 1 << 28, keep_output_bytes: KEEP, max_output_bytes: 1 << 24 };

/** Text, bytes that are no text, control characters, long lines and empty lines. */
const MIXED = [
  'import sys',
  "lines = [b'plain', b'', 'caf\\u00e9 \\u2028'.encode(), bytes(range(256)), b'x' * 9000, b'\\\\ back', b'\\r\\t']",
  'out = sys.stdout.buffer',
  'for n in range(60): out.write(b"\\n".join(lines[n % 7:] + lines[:n % 7]))',
].join('\n');

function mixed(): Buffer {
  const lines = [
    Buffer.from('plain'),
    Buffer.alloc(0),
    Buffer.from('café \u2028'),
    Buffer.from(Array.from({ length: 256 }, (_, byte) => byte)),
    Buffer.alloc(9000, 'x'),
    Buffer.from('\\ back'),
    Buffer.from('\r\t'),
  ];
  const newline = Buffer.from('\n');
  return Buffer.concat(
    Array.from({ length: 60 }, (_, n) => [...lines.slice(n % 7), ...lines.slice(0, n % 7)]).flatMap(
      (turned) => turned.flatMap((line, index) => (index === 0 ? [line] : [newline, line])),
    ),
  );
}

describeInLinux('output', () => {
  let pod: StandIn;

  beforeAll(async () => {
    pod = await StandIn.start();
  }, 60_000);
  afterAll(() => pod.stop());

  /** What a client receives, by offset. */
  async function received(frame: object): Promise<{ offset: number; data: Buffer }[]> {
    const frames = await pod.askAsWorker(frame);
    const last = frames.at(-1);
    if (last?.type !== 'end' && last?.type !== 'read') throw new Error(JSON.stringify(last));
    return frames.flatMap((one) => (one.type === 'output' && one.stream === 'stdout' ? [one] : []));
  }
  const bytesOf = (pieces: { data: Buffer }[]) => Buffer.concat(pieces.map(({ data }) => data));

  test.each([true, false])(
    'head and tail arrive byte by byte as they were printed (binary: %s)',
    async (binary) => {
      const pieces = await received(runFrame(MIXED, { limits, binary }));
      const printed = mixed();
      expect(
        bytesOf(pieces).equals(Buffer.concat([printed.subarray(0, KEEP / 2), printed.subarray(-KEEP / 2)])),
      ).toBe(true);
      for (const { offset, data } of pieces)
        expect(printed.subarray(offset, offset + data.length).equals(data)).toBe(true);
    },
  );

  test.each([true, false])('the rest can be read (binary: %s)', async (binary) => {
    const frame = runFrame(MIXED, { limits, binary });
    await received(frame);
    const printed = mixed();
    const [from, to] = [KEEP / 2, printed.length - KEEP / 2];
    const pieces = await received({ op: 'read', key: frame.key, stream: 'stdout', from, to, binary });
    expect(bytesOf(pieces).equals(printed.subarray(from, to))).toBe(true);
  });

  test('a client that has a part of the head gets the others only', async () => {
    const frame = runFrame(MIXED, { limits, binary: true });
    await received(frame);
    const [first] = await received({ ...frame, from: { stdout: 1_000, stderr: 0, report: 0 } });
    expect(first?.offset).toBe(1_000);
    expect(first?.data.equals(mixed().subarray(1_000, KEEP / 2))).toBe(true);
  });

  test('nothing is sent or kept of a run whose output is not wanted', async () => {
    const frame = runFrame("print('x' * 3_000_000)", {
      limits: { ...limits, keep_output_bytes: 0 },
      binary: true,
    });
    const frames = await pod.askAsWorker(frame);
    expect(frames.map(({ type }) => type)).not.toContain('output');
    expect(frames.at(-1)).toMatchObject({
      result: { stdout: { bytes: 3_000_001, head_bytes: 0, tail_bytes: 0 } },
    });
  });

  test('output in many small pieces arrives whole, in few frames', async () => {
    const pieces = await received(runFrame('for n in range(6000): print(n)', { limits, binary: true }));
    expect(bytesOf(pieces).toString()).toBe(Array.from({ length: 6000 }, (_, n) => `${n}\n`).join(''));
    expect(pieces.length).toBeLessThan(600);
  });

  test('a client that cannot read it is refused', async () => {
    const frames = await pod.askAsWorker(runFrame('pass', { binary: 'yes' }));
    expect(frames.at(-1)).toMatchObject({ type: 'error', code: 'invalid' });
  });

  test('the log contains exactly the first 256 KiB', async () => {
    const frame = runFrame(MIXED, { limits, submission_id: 'log-of-mixed' });
    await received(frame);
    const ofRun = () => pod.log.filter((line) => line.startsWith('[log-of-mixed'));
    while (!ofRun().some((line) => /^\[\S+\] end /.test(line)))
      await new Promise((done) => setTimeout(done, 20));
    const parsed = ofRun().flatMap((line) => parseLogLine(line) ?? []);
    const logged = parsed.flatMap((line) => (line.type === 'output' ? [line] : []));
    let next = 0;
    for (const { offset, data } of logged) {
      expect(offset).toBe(next);
      next += data.length;
    }
    expect(bytesOf(logged).equals(mixed().subarray(0, 256 * 1024))).toBe(true);
    const missing = mixed().length - 256 * 1024;
    expect(ofRun()).toContain(`[log-of-mixed] ${missing} bytes of output are not in this log`);
  });
});

import fc from 'fast-check';
import { encodeFrame, FrameReader } from '../../../../infrastructure/kubernetes/testPod/frames';

const alive = { type: 'alive' };
const started = { type: 'started', channel: '0', execution: 'e1', input: 0 };
const output = {
  type: 'output',
  channel: '0',
  stream: 'stdout',
  offset: 3,
  data: Buffer.from('né').toString('base64'),
};

test('frames arrive whole, wherever the stream was cut', () => {
  const bytes = Buffer.concat([encodeFrame(alive), encodeFrame(output), encodeFrame(started)]);
  const cuts = fc.array(fc.nat(bytes.length)).map((list) => [...list, bytes.length].sort((a, b) => a - b));
  fc.assert(
    fc.property(cuts, (ends) => {
      const reader = new FrameReader();
      const frames = ends.flatMap((end, index) => reader.push(bytes.subarray(ends[index - 1] ?? 0, end)));
      expect(frames).toEqual([alive, { ...output, data: Buffer.from('né') }, started]);
    }),
  );
});

/** An output frame that is followed by its bytes. */
const binary = (data: Buffer) => {
  const { data: _, ...position } = output;
  return Buffer.concat([encodeFrame({ ...position, bytes: data.length }), data]);
};

test('bytes that follow their frame arrive whole, whatever they are and wherever the stream was cut', () => {
  const datas = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }).map((data) => Buffer.from(data)));
  fc.assert(
    fc.property(datas, fc.array(fc.nat()), (list, places) => {
      const bytes = Buffer.concat(list.flatMap((data) => [binary(data), encodeFrame(alive)]));
      const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
      const reader = new FrameReader();
      const frames = ends.flatMap((end, index) => reader.push(bytes.subarray(ends[index - 1] ?? 0, end)));
      expect(frames).toEqual(list.flatMap((data) => [{ ...output, data }, alive]));
    }),
  );
});

test('bytes that look like frames are output', () => {
  const forged = encodeFrame(started);
  expect(new FrameReader().push(binary(forged))).toEqual([{ ...output, data: forged }]);
});

test.each([0, -1, 1.5, 1e9, '5'])('an output frame with %s bytes means a broken stream', (bytes) => {
  const { data: _, ...position } = output;
  expect(() => new FrameReader().push(encodeFrame({ ...position, bytes }))).toThrow(
    expect.objectContaining({ name: 'Unavailable' }) as Error,
  );
});

test('a frame of a type that came later is skipped', () => {
  expect(new FrameReader().push(encodeFrame({ type: 'tests', passed: 3 }))).toEqual([]);
});

test.each([
  ['text', 'Traceback (most recent call last):\n'],
  ['a frame without a type', '{"op":"run"}\n'],
  ['a frame whose members are wrong', '{"type":"queued","position":"first"}\n'],
  ['a line without end', 'x'.repeat(2 * 1024 * 1024)],
])('%s means a broken stream, not a verdict', (_, text) => {
  expect(() => new FrameReader().push(Buffer.from(text))).toThrow(
    expect.objectContaining({ name: 'Unavailable' }) as Error,
  );
});

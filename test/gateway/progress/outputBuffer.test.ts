import type { LoggedOutput } from '../../../gateway/progress/executionFilter';
import { OutputBuffer } from '../../../gateway/progress/outputBuffer';
import { frameOf, MAX_CHUNK_BYTES } from '../../../gateway/progress/chunks';

const logged = (offset: number, data: string | Buffer, changes: Partial<LoggedOutput> = {}): LoggedOutput => {
  const piece = { execution: 'e1', step: 'run', again: false, stream: 'stdout' as const };
  return { ...piece, offset, data: Buffer.from(data as string), ...changes };
};
const taken = (pending: OutputBuffer) =>
  pending.take().map(({ stream, offset, data }) => `${stream} ${offset} ${data.toString()}`);

test('lines that came together are one piece, and the two streams are two', () => {
  const pending = new OutputBuffer(null);
  pending.add(logged(0, 'one\n'));
  pending.add(logged(0, 'aside\n', { stream: 'stderr' }));
  pending.add(logged(4, 'two\n'));
  expect(taken(pending)).toEqual(['stdout 0 one\ntwo\n', 'stderr 0 aside\n']);
  expect(taken(pending)).toEqual([]);
});

test('what was told already is left out, also a part of a line', () => {
  const pending = new OutputBuffer({ execution: 'e1', stdout: 2, stderr: 0 });
  pending.add(logged(0, 'one\n'));
  pending.add(logged(0, 'one\n'));
  pending.add(logged(4, 'two\n'));
  expect(taken(pending)).toEqual(['stdout 2 e\ntwo\n']);
});

test('nothing comes after a gap', () => {
  const pending = new OutputBuffer(null);
  pending.add(logged(0, 'one\n'));
  pending.add(logged(9, 'three\n'));
  expect(taken(pending)).toEqual(['stdout 0 one\n']);
});

test('half a character waits for its other half, but not beyond the end of its execution', () => {
  const pending = new OutputBuffer(null);
  pending.add(logged(0, Buffer.from([0x61, 0xc3])));
  expect(taken(pending)).toEqual(['stdout 0 a']);
  expect(taken(pending)).toEqual([]);
  pending.add(logged(2, Buffer.from([0xa9])));
  expect(taken(pending)).toEqual(['stdout 1 é']);
  pending.add(logged(3, Buffer.from([0xc3])));
  pending.add(logged(0, 'next', { execution: 'e2' }));
  expect(pending.take()).toMatchObject([{ execution: 'e1', offset: 3, data: Buffer.from([0xc3]) }]);
  expect(pending.take()).toMatchObject([{ execution: 'e2', offset: 0 }]);
});

test('pieces are bounded and cut between characters, and whoever adds too much has to wait', async () => {
  const pending = new OutputBuffer(null);
  const flood = 'é'.repeat(3 * MAX_CHUNK_BYTES);
  pending.add(logged(0, `x${flood}`));
  let waits = true;
  const room = pending.room().then(() => (waits = false));
  await Promise.resolve();
  expect(waits).toBe(true);
  const [piece] = pending.take();
  expect(piece?.data.length).toBe(MAX_CHUNK_BYTES - 1);
  expect(frameOf(piece!)).toMatchObject({
    bytes: MAX_CHUNK_BYTES - 1,
    text: `x${'é'.repeat(MAX_CHUNK_BYTES / 2 - 1)}`,
  });
  for (let more = 0; more < 4; more++) pending.take();
  await room;
});

test('bytes that are no text travel in base64', () => {
  expect(frameOf({ step: 'run', stream: 'stdout', offset: 0, data: Buffer.from([0xff, 0x0a]) })).toEqual({
    ...{ type: 'output', step: 'run', stream: 'stdout', offset: 0, bytes: 2 },
    ...{ encoding: 'base64', data: '/wo=' },
  });
});

test('something is known to be there at once, also when it comes later', async () => {
  const pending = new OutputBuffer(null);
  const something = pending.something();
  pending.add(logged(0, 'x'));
  await something;
  await pending.something();
});

import { createHash } from 'node:crypto';
import { ReceivedOutput } from '../../../../infrastructure/kubernetes/testPod/receivedOutput';

const summary = (head: Buffer, tail: Buffer, bytes: number) => ({
  bytes,
  head_bytes: head.length,
  tail_bytes: tail.length,
  sha256: createHash('sha256')
    .update(Buffer.concat([head, tail]))
    .digest('hex'),
});

test('a short stream is kept whole, also a character that was cut between two pieces', () => {
  const bytes = Buffer.from('né');
  const output = new ReceivedOutput(100);
  output.add(0, bytes.subarray(0, 2));
  output.add(2, bytes.subarray(2));
  expect(output.verify('stdout', summary(bytes, Buffer.alloc(0), 3))).toEqual({
    text: 'né',
    bytes: 3,
    truncated: false,
  });
});

test('where the middle is missing, a line says how much, and half a character is not shown', () => {
  const head = Buffer.from('abé').subarray(0, 3);
  const tail = Buffer.from('éyz').subarray(1);
  const output = new ReceivedOutput(6);
  output.add(0, head);
  output.add(97, tail);
  expect(output.verify('stdout', summary(head, tail, 100))).toEqual({
    text: 'ab\n[... 94 bytes left out ...]\nyz',
    bytes: 100,
    truncated: true,
    gap: { end: 2, start: 31 },
  });
});

test('what is not UTF-8 is kept byte by byte beside its text', () => {
  const bytes = Buffer.from([0x61, 0xff, 0x0a]);
  const output = new ReceivedOutput(100);
  output.add(0, bytes);
  expect(output.verify('stdout', summary(bytes, Buffer.alloc(0), 3))).toEqual({
    text: 'a\ufffd\n',
    bytes: 3,
    truncated: false,
    base64: { head: bytes.toString('base64'), tail: '' },
  });
});

test('joined again, it goes on after the head it has and takes the tail anew', () => {
  const output = new ReceivedOutput(8);
  output.add(0, Buffer.from('abcd'));
  output.add(4, Buffer.from('ef'));
  expect(output.rejoin()).toBe(4);
  output.add(6, Buffer.from('ghij'));
  expect(output.verify('stdout', summary(Buffer.from('abcd'), Buffer.from('ghij'), 10)).text).toBe(
    'abcd\n[... 2 bytes left out ...]\nghij',
  );
});

test.each([
  ['bytes are missing', 'abc', summary(Buffer.from('abcd'), Buffer.alloc(0), 4)],
  ['a byte is different', 'abcx', summary(Buffer.from('abcd'), Buffer.alloc(0), 4)],
])('there is no result when %s', (_, text, expected) => {
  const output = new ReceivedOutput(100);
  output.add(0, Buffer.from(text));
  expect(() => output.verify('stdout', expected)).toThrow(
    expect.objectContaining({ name: 'Unavailable' }) as Error,
  );
});

test('a piece that overlaps another is refused', () => {
  const output = new ReceivedOutput(100);
  output.add(0, Buffer.from('abcd'));
  expect(() => output.add(2, Buffer.from('cd'))).toThrow(
    expect.objectContaining({ name: 'Unavailable' }) as Error,
  );
});

import { parseLogLine } from '../../../../infrastructure/kubernetes/testPod/logLines';

const output = (stream: string, offset: number, data: string | Buffer) => {
  return { type: 'output', stream, offset, data: Buffer.from(data as string) };
};

test('a line of output stands for its text and a newline', () => {
  expect(parseLogLine('[3f2a91bc out 0] Hello')).toEqual(output('stdout', 0, 'Hello\n'));
  expect(parseLogLine('[my-id err 12] é  ')).toEqual(output('stderr', 12, 'é  \n'));
  expect(parseLogLine('[my-id out 7] ')).toEqual(output('stdout', 7, '\n'));
});

test('no newline follows where the flag says so, and escapes are undone where the other one does', () => {
  expect(parseLogLine('[x out 5-] no end')).toEqual(output('stdout', 5, 'no end'));
  expect(parseLogLine('[x out 5\\] a\\\\x41\\xff\\x00')).toEqual(
    output('stdout', 5, Buffer.from('a\\x41\xff\0\n', 'latin1')),
  );
  expect(parseLogLine('[x out 5-\\] \\x0d')).toEqual(output('stdout', 5, '\r'));
  expect(parseLogLine('[x out 5] a\\x41')).toEqual(output('stdout', 5, 'a\\x41\n'));
});

test('what a program prints is output, whatever it looks like', () => {
  expect(parseLogLine('[x out 0] [x err 9] forged')).toEqual(output('stdout', 0, '[x err 9] forged\n'));
  expect(parseLogLine('[x out 0] [x] end passed')).toEqual(output('stdout', 0, '[x] end passed\n'));
});

test('a start names its execution and its key, also when the name of the file looks like them', () => {
  expect(parseLogLine('[x] start main.py execution=ab12 key=submission-x/run/1/run')).toEqual({
    ...{ type: 'start', execution: 'ab12', key: 'submission-x/run/1/run' },
  });
  expect(parseLogLine('[x] start a execution=bad key=bad execution=ab12 key=w/r/1/run')).toMatchObject({
    execution: 'ab12',
    key: 'w/r/1/run',
  });
  expect(parseLogLine('[x] end passed (12 ms)')).toEqual({ type: 'end' });
});

test.each([
  '',
  'text',
  '[x] 5 bytes of output are not in this log',
  '[supervisor] 2 lines were omitted',
  '[x out a] b',
])('%j says nothing', (line) => {
  expect(parseLogLine(line)).toBeNull();
});

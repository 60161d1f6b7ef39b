import { readTraceback } from '../../../../infrastructure/kubernetes/testPod/pythonError';

const traceback = (last: string) => `Traceback (most recent call last):
  File "/work/12/main.py", line 4, in <module>
    load()
  File "/work/12/parts/loading.py", line 7, in load
    json.loads('{')
  File "/usr/lib/python3.11/json/decoder.py", line 355, in raw_decode
    raise JSONDecodeError("Expecting value", s, err.value) from None
${last}
`;

test('names the exception and the innermost file of the program itself', () => {
  expect(readTraceback(traceback('json.decoder.JSONDecodeError: Expecting value: line 1'))).toEqual({
    message: 'json.decoder.JSONDecodeError: Expecting value: line 1',
    file: 'parts/loading.py',
    line: 7,
  });
});

test('reads the last of several tracebacks, and the first line of a long message', () => {
  const text = `${traceback('KeyError: 1')}
During handling of the above exception, another exception occurred:

${traceback('ValueError: first line\nsecond line')}`;
  expect(readTraceback(text)?.message).toBe('ValueError: first line');
});

test.each(['', 'usage: main.py [-h]\n', 'Traceback (most recent call last):\n  File "x"'])(
  'finds nothing in %j',
  (text) => {
    expect(readTraceback(text)).toBeNull();
  },
);

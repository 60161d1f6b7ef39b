import { loadLanguages } from '../../../../sandbox/languages/languages';
import { readProgramError } from '../../../../infrastructure/kubernetes/testPod/programError';

const languages = loadLanguages();
const read = (language: string, stderr: string) => readProgramError(languages.get(language)!.errors, stderr);

describe('of a Python program', () => {
  const traceback = (last: string) => `Traceback (most recent call last):
  File "/work/12/main.py", line 4, in <module>
    load()
  File "/work/12/parts/loading.py", line 7, in load
    json.loads('{')
  File "/usr/lib/python3.13/json/decoder.py", line 355, in raw_decode
    raise JSONDecodeError("Expecting value", s, err.value) from None
${last}
`;

  test('names the exception and the innermost file of the program itself', () => {
    expect(read('python', traceback('json.decoder.JSONDecodeError: Expecting value: line 1'))).toEqual({
      message: 'json.decoder.JSONDecodeError: Expecting value: line 1',
      file: 'parts/loading.py',
      line: 7,
    });
  });

  test('reads the last of several tracebacks, and the first line of a long message', () => {
    const text = `${traceback('KeyError: 1')}
During handling of the above exception, another exception occurred:

${traceback('ValueError: first line\nsecond line')}`;
    expect(read('python', text)?.message).toBe('ValueError: first line');
  });

  test.each(['', 'usage: main.py [-h]\n', 'Traceback (most recent call last):\n  File "x"'])(
    'finds nothing in %j',
    (text) => {
      expect(read('python', text)).toBeNull();
    },
  );
});

describe('of a JavaScript program', () => {
  test('names the error and the file and line where it was thrown', () => {
    const stderr = `/work/1/lib/parse.js:2
  throw new TypeError('no good');
  ^

TypeError: no good
    at parse (/work/1/lib/parse.js:2:9)
    at Object.<anonymous> (/work/1/main.js:5:1)
    at Module._compile (node:internal/modules/cjs/loader:1105:14)
`;
    expect(read('javascript', stderr)).toEqual({
      message: 'TypeError: no good',
      file: 'lib/parse.js',
      line: 2,
    });
  });

  test('names what a syntax error is about', () => {
    const stderr = `/work/1/main.js:1
console.log('broken'
            ^^^^^^^^

SyntaxError: missing ) after argument list
    at internalCompileFunction (node:internal/vm:73:18)
`;
    expect(read('javascript', stderr)).toEqual({
      message: 'SyntaxError: missing ) after argument list',
      file: 'main.js',
      line: 1,
    });
  });

  test('takes linear time for a line that might be a stack frame at every place', () => {
    expect(read('javascript', `TypeError: no good\n${'(/work/1/a'.repeat(100_000)}`)).toEqual({
      message: 'TypeError: no good',
      file: null,
      line: null,
    });
  });
});

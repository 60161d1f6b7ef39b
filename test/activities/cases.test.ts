import { resultOfCase } from '../../activities/cases';
import { pass } from '../scripted/ports';

/**
 * The size of the largest output in a report, in characters: quadratic algorithms would exceed the timeout.
 */
const LONG = 256 * 1024;

function compare(expectedStdout: string, printed: string) {
  const stdout = { text: printed, bytes: printed.length, truncated: false };
  return resultOfCase({ name: 'case', stdin: '', args: [], expectedStdout }, { ...pass, stdout });
}

test.each([
  ['blanks at the ends of lines', 'a\nb', 'a \t\nb  '],
  ['empty lines at the end', 'a\n\n', 'a'],
  ['line ends of another system', 'a\nb\n', 'a\r\nb\r\n'],
  ['blanks and empty lines together', 'a', 'a \n \n\t\n'],
])('%s do not count', (_, expected, printed) => {
  expect(compare(expected, printed)).toMatchObject({ outcome: 'passed', message: null });
});

test.each([
  ['blanks before text', ' a', 'a'],
  ['blanks between words', 'a  b', 'a b'],
  ['empty lines before text', '\na', 'a'],
  ['empty lines between lines', 'a\n\nb', 'a\nb'],
])('%s count', (_, expected, printed) => {
  expect(compare(expected, printed).outcome).toBe('wrong_output');
});

test('the message is a diff of the lines that differ', () => {
  expect(compare('1\n2\n3', '1\n5\n3').message).toBe(
    '--- expected\n+++ actual\n@@ -1,3 +1,3 @@\n 1\n-2\n+5\n 3\n',
  );
});

test('output that differs in too many lines is shown from the first difference on', () => {
  const numbers = (first: number) => Array.from({ length: 300 }, (_, index) => first + index).join('\n');
  expect(compare(`same\n${numbers(1000)}`, `same\n${numbers(5000)}`).message).toBe(
    'The output differs in more than 100 lines, from line 2 on:\n' +
      '-1000\n-1001\n-1002\n-1003\n-1004\n+5000\n+5001\n+5002\n+5003\n+5004',
  );
});

function compareBytes(expectedStdout: string, head: Buffer, tail = Buffer.alloc(0), between = '') {
  const text = `${head.toString()}${between}${tail.toString()}`;
  const end = head.toString().length;
  const stdout = {
    text,
    bytes: head.length + tail.length,
    truncated: between !== '',
    base64: { head: head.toString('base64'), tail: tail.toString('base64') },
    ...(between !== '' && { gap: { end, start: end + between.length } }),
  };
  return resultOfCase({ name: 'case', stdin: '', args: [], expectedStdout }, { ...pass, stdout });
}

test('bytes that are not UTF-8 differ from the character that stands for them, and the diff shows it', () => {
  const printed = Buffer.concat([
    Buffer.from('grün €😀\n'),
    Buffer.from([0xff, 0xfe, 0xe2, 0x82]),
    Buffer.from(' abc\n'),
  ]);
  expect(compareBytes('grün €😀\n\ufffd\ufffd\ufffd abc', printed)).toMatchObject({
    outcome: 'wrong_output',
    message:
      'The output is not UTF-8: bytes that are not are shown as \\x and their number.\n' +
      '--- expected\n+++ actual\n@@ -1,2 +1,2 @@\n grün €😀\n-\ufffd\ufffd\ufffd abc\n+\\xff\\xfe\\xe2\\x82 abc\n',
  });
});

test('of bytes that are not UTF-8 and are not all kept, both ends are shown', () => {
  const { message } = compareBytes(
    'x',
    Buffer.from([0x61, 0x80]),
    Buffer.from([0xff, 0x62]),
    '\n[7 bytes left out]\n',
  );
  expect(message).toContain('+a\\x80\n+[7 bytes left out]\n+\\xffb\n');
});

test.each([0xff, 0xf0, 0xc3, 0x80])('%s alone, over and over, takes linear time to show', (byte) => {
  expect(compareBytes('x', Buffer.alloc(LONG, byte)).outcome).toBe('wrong_output');
});

const alternating = (first: string, second: string) => `${first}\n${second}\n`.repeat(LONG / 4);

test.each([
  ['one long run of blanks', `${' '.repeat(LONG)}x`, 'x'],
  ['many runs of blanks', `${'x'.padStart(500)}\n`.repeat(LONG / 500), 'x'],
  ['a long run of empty lines', `${'\n'.repeat(LONG)}x`, 'x'],
  ['empty lines and blanks', `${' \n'.repeat(LONG / 2)}x`, 'x'],
  ['lines that all differ', 'a\n'.repeat(LONG / 2), 'b\n'.repeat(LONG / 2)],
  ['lines of which every second one differs', alternating('a', 'b'), alternating('a', 'c')],
  ['the same few lines in another order', alternating('a', 'b'), `b\n${alternating('b', 'a')}`],
])('%s take linear time to compare', (_, expected, printed) => {
  expect(compare(expected, printed).outcome).toBe('wrong_output');
  expect(compare(printed, expected).outcome).toBe('wrong_output');
});

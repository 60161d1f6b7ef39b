import { AnsiReader } from '../../gateway/web/src/ansi';

const pieces = (text: string) => new AnsiReader().read(text);

test('colours become classes, and other sequences and control characters are dropped', () => {
  expect(pieces('a\x1b[1;31mb\x1b[0mc')).toEqual([
    { text: 'a', className: '' },
    { text: 'b', className: 'bold fg-1' },
    { text: 'c', className: '' },
  ]);
  const text = (input: string) =>
    pieces(input)
      .map((piece) => piece.text)
      .join('');
  expect(text('a\x1b[2J\x1b]0;title\x07\x1b]8;;http://x\x1b\\b\x07\x00c\r\nd\re')).toBe('abc\nd\ne');
  expect(text('<b>\x1b[')).toBe('<b>');
});

test('a colour goes on in the text that follows, and colours beyond the sixteen do not confuse it', () => {
  const reader = new AnsiReader();
  reader.read('\x1b[38;5;196;4m');
  expect(reader.read('x')).toEqual([{ text: 'x', className: 'underline' }]);
});

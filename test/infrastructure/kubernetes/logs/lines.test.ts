import { exactTime, podLineOf } from '../../../../infrastructure/kubernetes/logs/line';
import { LogOffsets } from '../../../../infrastructure/kubernetes/logs/logOffsets';
import { linesOf } from '../../../../infrastructure/kubernetes/logs/stream';

test.each([
  ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.000000000Z'],
  ['2026-01-02T03:04:05.12Z', '2026-01-02T03:04:05.120000000Z'],
  ['2026-01-02T03:04:05.123456789+02:00', '2026-01-02T01:04:05.123456789Z'],
  ['yesterday', null],
  ['2026-01-02T03:04:05', null],
])('the time %s is %s', (text, exact) => {
  expect(exactTime(text)).toBe(exact);
});

test('a line is its time and its text, whatever is in it', () => {
  expect(podLineOf('p', '2026-01-02T03:04:05.1Z  two  spaces ')).toEqual({
    at: '2026-01-02T03:04:05.100000000Z',
    pod: 'p',
    text: ' two  spaces ',
  });
  expect(podLineOf('p', '2026-01-02T03:04:05Z')).toMatchObject({ text: '' });
  expect(podLineOf('p', 'failed to try resolving symlinks')).toBeNull();
});

const line = (pod: string, second: number, text = '') => ({
  pod,
  at: `2026-01-01T00:00:0${second}.000000000Z`,
  text,
});

test('what was told is left out when a log is read again, also of lines of one time', () => {
  const offsets = new LogOffsets();
  for (const printed of [line('a', 1), line('a', 2), line('a', 2), line('b', 5)]) offsets.record(printed);
  const isNew = offsets.reading();
  const again = [
    line('a', 1),
    line('a', 2),
    line('a', 2),
    line('a', 2, 'third'),
    line('a', 3),
    line('b', 4),
    line('c', 0),
  ];
  expect(again.filter(isNew)).toEqual([line('a', 2, 'third'), line('a', 3), line('c', 0)]);
  expect(again.filter(offsets.reading())).toHaveLength(3); // Each reading starts again.
});

test('a line that never ends comes in pieces, and one that is not over is not told', async () => {
  async function* stream() {
    yield Buffer.from('one\ntw');
    yield Buffer.from('o\n');
    yield Buffer.alloc(70_000, 'x');
    yield Buffer.from('\nrest');
    return Promise.resolve();
  }
  const lines: string[] = [];
  for await (const some of linesOf(stream())) lines.push(...some);
  expect(lines.map((text) => text.slice(0, 5))).toEqual(['one', 'two', 'xxxxx', '']);
});

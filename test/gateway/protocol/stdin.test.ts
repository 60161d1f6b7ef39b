import { messageParser } from '../../../gateway/protocol/clientMessages';
import { rules } from './rules';

const parseText = messageParser(rules);
const parse = (fields: object) => parseText(JSON.stringify({ type: 'stdin', submission_id: 's', ...fields }));
const base64 = (text: string) => Buffer.from(text).toString('base64');

test.each([
  ['text', { data: 'né\n' }, { offset: null, data: base64('né\n'), bytes: 4, eof: false }],
  [
    'bytes',
    { data: 'AP8=', encoding: 'base64', offset: 3 },
    { offset: 3, data: 'AP8=', bytes: 2, eof: false },
  ],
  ['an end alone', { eof: true }, { offset: null, data: '', bytes: 0, eof: true }],
  [
    'the last piece',
    { data: 'x', eof: true, offset: 0 },
    { offset: 0, data: base64('x'), bytes: 1, eof: true },
  ],
])('%s is input', (_what, fields, piece) => {
  expect(parse(fields)).toEqual({ message: { type: 'stdin', submissionId: 's', piece } });
});

test.each([
  ['nothing', {}, 'data', undefined],
  ['too much', { data: 'é'.repeat(32_769) }, 'data', 65_536],
  ['too much in base64', { data: base64('x'.repeat(65_537)), encoding: 'base64' }, 'data', 65_536],
  ['what is no base64', { data: 'é', encoding: 'base64' }, 'data', undefined],
  ['half a character', { data: '\ud800' }, 'data', undefined],
  ['another encoding', { data: 'x', encoding: 'hex' }, 'encoding', undefined],
  ['a place before the beginning', { data: 'x', offset: -1 }, 'offset', 0],
  ['a place beyond all that may come', { data: 'x', offset: 1_048_577 }, 'offset', 1_048_576],
  ['an unknown field', { data: 'x', end: true }, 'end', undefined],
])('%s is refused by field and limit', (_what, fields, field, limit) => {
  const { error } = parse(fields);
  expect(error).toMatchObject({ code: 'invalid_message', field, submission_id: 's' });
  expect(error?.limit).toBe(limit);
});

const submitted = (fields: object) => parseText(JSON.stringify({ user_id: 'test', code: 'pass', ...fields }));

test('a submission asks for input, with time to wait for it', () => {
  const { message } = submitted({ interactive: true, stdin: 'first', limits: { wall_seconds: 20 } });
  expect(message).toMatchObject({
    submission: { input: { stdin: 'first', interactive: true }, limits: { wallMs: 20_000 } },
  });
  const plain = submitted({ interactive: false });
  expect(plain.message).toMatchObject({ submission: { input: { stdin: '', args: [], env: {} } } });
});

test('only who waits for input has that time, and cases bring their own input', () => {
  expect(submitted({ limits: { wall_seconds: 20 } }).error).toMatchObject({
    field: 'limits.wall_seconds',
    limit: 10,
  });
  expect(submitted({ interactive: true, limits: { wall_seconds: 21 } }).error).toMatchObject({ limit: 20 });
  const tests = { cases: [{ expected_stdout: '' }] };
  expect(submitted({ interactive: true, tests }).error).toMatchObject({ field: 'interactive' });
});

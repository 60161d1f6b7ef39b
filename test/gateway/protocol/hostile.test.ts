import { DEFAULT_LIMITS } from '../../../gateway/limits';
import { messageParser } from '../../../gateway/protocol/clientMessages';
import { rules } from './rules';

/** Messages of the maximum size, with very many parts or one very long part. */

const parseText = messageParser(rules);

/** A text that fills a quarter of a message by repeating a part: a field name, a key or a value in JSON. */
const long = (part: string) => part.repeat(DEFAULT_LIMITS.maxMessageBytes / 4 / part.length);
const named = (count: number, nameOf: (index: number) => string) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [nameOf(index), '']));

const code = 'pass';
const submissions: [what: string, fields: object, error: { field: string; limit?: number }][] = [
  [
    'a name of a file of many parts',
    { files: { [long('a/')]: '' } },
    { field: expect.stringMatching(/^files\["a\/a\//) as string, limit: 1_024 },
  ],
  [
    'the same with a number',
    { files: { [long('1/')]: '' } },
    { field: expect.any(String) as string, limit: 1_024 },
  ],
  [
    'many names of files of many parts',
    { files: named(100, (index) => `${index}/${'a/'.repeat(5_000)}`) },
    { field: expect.stringMatching(/^files\["0\/a\//) as string, limit: 1_024 },
  ],
  [
    'a name of a test file of many parts',
    { code, tests: { framework: 'pytest', files: { [long('a/')]: '' } } },
    { field: expect.stringMatching(/^tests\.files\["a\/a\//) as string, limit: 1_024 },
  ],
  [
    'a long name of a file',
    { files: { [long('a')]: '' } },
    { field: `files.${'a'.repeat(64)}`, limit: 1_024 },
  ],
  ['many files', { files: named(50_000, String) }, { field: 'files', limit: 20_000 }],
  ['many variables', { code, env: named(50_000, (index) => `A${index}`) }, { field: 'env', limit: 20_000 }],
  ['many cases', { code, tests: { cases: Array(250_000).fill({}) } }, { field: 'tests', limit: 20_000 }],
  ['many arguments', { code, args: Array(100_000).fill('\0') }, { field: 'args', limit: 20_000 }],
  [
    'many requirements',
    { code, requirements: Array(100_000).fill('a;') },
    { field: 'requirements', limit: 20_000 },
  ],
  [
    'many unknown fields',
    { code, ...named(50_000, (index) => `x${index}`) },
    { field: 'user_id', limit: 20_000 },
  ],
  ['a long requirement', { code, requirements: [long('a.')] }, { field: 'requirements[0]', limit: 200 }],
  ['a long variable', { code, env: { [long('A')]: '' } }, { field: `env.${'A'.repeat(64)}` }],
  ['a long entrypoint', { files: { 'a.py': '' }, entrypoint: long('a/') }, { field: 'entrypoint' }],
  ['a long file to migrate with', { files: { 'a.py': '' }, migrate: long('a/') }, { field: 'migrate' }],
  ['a long language', { code, language: long('a') }, { field: 'language' }],
  [
    'a long framework',
    { code, tests: { framework: long('a'), files: { a: '' } } },
    { field: 'tests.framework' },
  ],
  ['a long user', { code, user_id: long('a-') }, { field: 'user_id' }],
  ['a long id', { code, submission_id: long('a') }, { field: 'submission_id' }],
  ['a long type', { type: long('a') }, { field: 'type' }],
  ['a long unknown field', { code, [long('x')]: '' }, { field: 'x'.repeat(64) }],
  ['text that is no Unicode', { code: '\ud800'.repeat(100_000) }, { field: 'code' }],
];

const others: [what: string, message: object, error: object][] = [
  ['a long time', { type: 'list', since: `2026-01-31T12:00:00.${long('1')}` }, { field: 'since' }],
  ['a long page', { type: 'list', page: long('a') }, { field: 'page' }],
  ['a long cursor', { type: 'resume', submission_id: 'a', cursor: long('1:') }, { field: 'cursor' }],
  [
    'long data that is nearly base64',
    { type: 'stdin', submission_id: 'a', encoding: 'base64', data: `${long('aaaa')}a` },
    { field: 'data' },
  ],
];

const texts: [what: string, frame: string][] = [
  ['many values in a list', `[${Array(250_000).fill(1).join()}]`],
  ['no JSON', long('x')],
  ['lists in lists that do not end', long('[')],
  ['lists in lists', `{"tests":${long('[')}${long(']')}}`],
  ['objects in objects', `{"tests":${long('{"a":')}1${long('}').slice(0, long('{"a":').length / 5)}}`],
  ['escapes', `"${long('\\u')}"`],
];

/** The error frame for a message, produced in time and size proportional to it. */
function refused(frame: string) {
  expect(frame.length).toBeLessThanOrEqual(DEFAULT_LIMITS.maxMessageBytes);
  const before = process.cpuUsage();
  const { error } = parseText(frame);
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(1_000);
  expect(JSON.stringify(error).length).toBeLessThan(2_000);
  return error;
}

test.each(submissions)('%s is refused in time', (_what, fields, error) => {
  expect(refused(JSON.stringify({ user_id: 'test', ...fields }))).toMatchObject(error);
});

test.each(others)('%s is refused in time', (_what, message, error) => {
  expect(refused(JSON.stringify(message))).toMatchObject(error);
});

test.each(texts)('%s: it is refused in time', (_what, frame) => {
  expect(refused(frame)).toMatchObject({ type: 'error' });
});

test('the largest submission that the other limits allow is not refused for its number of values', () => {
  const cases = Array(100).fill({ name: 'x', stdin: '', args: Array(100).fill(''), expected_stdout: '' });
  const files = named(100, (index) => `${index}.py`);
  const message = { user_id: 'test', files, entrypoint: '0.py', env: named(100, (index) => `A${index}`) };
  expect(parseText(JSON.stringify({ ...message, tests: { cases } })).error).toBeUndefined();
});

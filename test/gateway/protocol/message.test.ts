import { messageParser } from '../../../gateway/protocol/clientMessages';
import { protocolSchema } from '../../../gateway/protocol/jsonSchema';
import { rules } from './rules';

const LIMIT = rules.maxCodeBytes;
const parseText = messageParser(rules);
const parse = (message: unknown) => parseText(JSON.stringify(message));
const valid = { user_id: 'test', code: "print('Hello')" };
const submissionIn = (message: unknown) => {
  const { message: parsed, error } = parse(message);
  if (parsed?.type !== 'submit') throw new Error(`not a submission: ${JSON.stringify(error)}`);
  return parsed.submission;
};

test('the two messages of the contract are submissions of one file', () => {
  expect(submissionIn({ user_id: 'test', code: "print('broken'" }).program.files).toEqual({
    'main.py': "print('broken'",
  });
  expect(submissionIn(valid)).toEqual({
    submissionId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    userId: 'test',
    program: {
      language: 'python',
      files: { 'main.py': "print('Hello')" },
      entrypoint: 'main.py',
      requirements: [],
    },
    input: { stdin: '', args: [], env: {} },
    tests: null,
    limits: {},
  });
});

test('a submission id of the client is kept', () => {
  expect(submissionIn({ ...valid, submission_id: 'my_run-1' }).submissionId).toBe('my_run-1');
});

test('what is not JSON is told so', () => {
  expect(parseText('{"user_id": ').error).toMatchObject({ type: 'error', code: 'invalid_json' });
});

test.each([null, 1, 'text', [], [valid]])('%j is not a message', (message) => {
  expect(parse(message).error).toMatchObject({
    code: 'invalid_message',
    message: 'the message must be an object',
  });
});

test('a missing field is named', () => {
  expect(parse({ code: '' }).error).toMatchObject({ field: 'user_id', message: 'user_id is missing' });
  expect(parse({ user_id: 'test' }).error).toMatchObject({ code: 'invalid_message', field: 'code' });
});

test('an unknown field is named, and the known ones are listed', () => {
  expect(parse({ ...valid, langauge: 'python' }).error).toMatchObject({
    code: 'invalid_message',
    field: 'langauge',
    message: expect.stringMatching(
      /^langauge is unknown: the fields are type, user_id, code, files/,
    ) as string,
  });
  expect(parse({ ...valid, tests: { case: [] } }).error?.message).toContain(
    'tests.case is unknown: the fields are cases, framework, files',
  );
});

test('every fault of a message is told, the first one by field', () => {
  const { error } = parse({ user_id: 'Test', code: 7 });
  expect(error?.field).toBe('user_id');
  expect(error?.message).toContain('code must be a string');
});

test.each(['a', '0', 'a-b', 'x'.repeat(40)])('%s is a user id', (user_id) => {
  expect(parse({ ...valid, user_id }).error).toBeUndefined();
});

test.each(['', 'A', '-a', 'a-', 'a_b', 'a.b', 'ä', 'a\n', 'x'.repeat(41), '../etc'])(
  '%j is no user id, and the error says the rule',
  (user_id) => {
    expect(parse({ ...valid, user_id }).error).toMatchObject({
      field: 'user_id',
      message: expect.stringContaining('must be 1 to 40 lowercase letters, digits or hyphens') as string,
    });
  },
);

test.each(['', 'a b', 'x'.repeat(65), 'a/b', 'ü'])('%j is no submission id', (submission_id) => {
  expect(parse({ ...valid, submission_id }).error).toMatchObject({ field: 'submission_id' });
});

test('text is measured in bytes, all of it together, and the error names the largest part', () => {
  expect(parse({ ...valid, code: 'é'.repeat(LIMIT / 2) }).error).toBeUndefined();
  const files = { 'a.py': 'é'.repeat(300), 'b.py': 'x'.repeat(100) };
  const large = { user_id: 'test', files, entrypoint: 'a.py', stdin: 'x'.repeat(301), submission_id: 'mine' };
  expect(parse(large).error).toEqual({
    type: 'error',
    advice: 'Send less text.',
    code: 'code_too_large',
    field: 'files["a.py"]',
    limit: LIMIT,
    message: 'files["a.py"] has 600 of 1001 bytes of text, and the limit for all of it is 1000',
    submission_id: 'mine',
  });
  const cases = [{ expected_stdout: '' }, { stdin: 'x'.repeat(LIMIT), expected_stdout: 'y' }];
  expect(parse({ ...valid, tests: { cases } }).error).toMatchObject({
    code: 'code_too_large',
    field: 'tests.cases[1].stdin',
  });
});

test('text that is no Unicode is refused: two programs would have one digest', () => {
  expect(parseText('{"user_id":"test","code":"\\ud800"}').error).toMatchObject({ field: 'code' });
});

test('an error names the submission that it is about, if the message did so validly', () => {
  expect(parse({ user_id: 1, code: '', submission_id: 'mine' }).error?.submission_id).toBe('mine');
  expect(parse({ user_id: 1, code: '', submission_id: 'not mine' }).error?.submission_id).toBeUndefined();
});

test('a message that follows again says after which frame', () => {
  const resume = { type: 'resume', submission_id: 'mine' };
  expect(parse(resume).message).toEqual({ type: 'resume', submissionId: 'mine', after: null });
  expect(parse({ ...resume, cursor: '7.1' }).message).toMatchObject({ after: { event: 7, index: 1 } });
  expect(parse({ ...resume, cursor: '5.ab12.6.0' }).message).toMatchObject({
    after: { event: 5, output: { execution: 'ab12', stdout: 6, stderr: 0 } },
  });
  expect(parse({ ...resume, cursor: 'x' }).error).toMatchObject({ field: 'cursor', submission_id: 'mine' });
});

test('a message that cancels names a submission, and an operation that there is not is told so', () => {
  expect(parse({ type: 'cancel', submission_id: 'mine' }).message).toEqual({
    type: 'cancel',
    submissionId: 'mine',
  });
  expect(parse({ type: 'cancel' }).error).toMatchObject({ field: 'submission_id' });
  expect(parse({ ...valid, type: 'stop' }).error).toMatchObject({ code: 'invalid_message', field: 'type' });
  expect(parse({ ...valid, type: 'submit' }).error).toBeUndefined();
});

test('a name that objects cannot hold is refused, not lost', () => {
  expect(parseText('{"user_id":"test","files":{"__proto__":"x"}}').error).toMatchObject({
    code: 'invalid_message',
    field: '__proto__',
  });
});

test('a thousand nested arrays are an error like any other', () => {
  expect(parseText('['.repeat(500_000) + ']'.repeat(500_000)).error).toBeDefined();
});

test('the JSON Schema tells the rules of the messages', () => {
  expect(protocolSchema(rules)).toMatchObject({
    $defs: {
      client_message: {
        anyOf: [
          {
            required: ['user_id'],
            additionalProperties: false,
            properties: {
              user_id: { pattern: '^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$' },
              language: { enum: ['javascript', 'python'] },
              limits: { properties: { wall_seconds: { maximum: 20 } } },
            },
          },
          { properties: { type: { const: 'resume' } } },
          { properties: { type: { const: 'cancel' } } },
          { properties: { type: { const: 'stdin' }, data: { default: '' }, eof: { default: false } } },
          { properties: { type: { const: 'status' } } },
          { properties: { type: { const: 'list' } } },
        ],
      },
      server_frame: { anyOf: expect.any(Array) as unknown[] },
    },
  });
});

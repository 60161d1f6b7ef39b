import * as fc from 'fast-check';
import { parseMessage } from '../../gateway/protocol';
import { protocolSchema } from '../../gateway/schema';
import { errorFrameSchema } from '../../gateway/serverFrames';

const LIMIT = 1000;
const parse = (message: unknown) => parseMessage(JSON.stringify(message), LIMIT);
const valid = { user_id: 'test', code: "print('Hello')" };

test('the two messages of the contract are valid', () => {
  expect(parse({ user_id: 'test', code: "print('broken'" }).message).toBeDefined();
  expect(parse(valid).message).toEqual(valid);
});

test('a submission id of the client is kept', () => {
  expect(parse({ ...valid, submission_id: 'my_run-1' }).message?.submission_id).toBe('my_run-1');
});

test('what is not JSON is told so', () => {
  expect(parseMessage('{"user_id": ', LIMIT).error).toMatchObject({ type: 'error', code: 'invalid_json' });
});

test.each([null, 1, 'text', [], [valid]])('%j is not a message', (message) => {
  expect(parse(message).error).toMatchObject({
    code: 'invalid_message',
    message: expect.stringContaining('JSON object') as string,
  });
});

test('a missing field is named', () => {
  expect(parse({ code: '' }).error).toMatchObject({ field: 'user_id', message: 'user_id is missing' });
});

test('an unknown field is named, and the known ones are listed', () => {
  expect(parse({ ...valid, langauge: 'python' }).error).toMatchObject({
    code: 'invalid_message',
    field: 'langauge',
    message: 'unknown field "langauge": the fields are user_id, code, submission_id',
  });
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
      message: expect.stringContaining('DNS label of 1 to 40 characters') as string,
    });
  },
);

test.each(['', 'a b', 'x'.repeat(65), 'a/b', 'ü'])('%j is no submission id', (submission_id) => {
  expect(parse({ ...valid, submission_id }).error).toMatchObject({ field: 'submission_id' });
});

test('code is measured in bytes, and the error says the limit', () => {
  expect(parse({ ...valid, code: 'é'.repeat(LIMIT / 2) }).message).toBeDefined();
  expect(parse({ ...valid, code: `${'é'.repeat(LIMIT / 2)}x`, submission_id: 'mine' }).error).toEqual({
    type: 'error',
    code: 'code_too_large',
    field: 'code',
    limit: LIMIT,
    message: 'code has 1001 bytes, and the limit is 1000',
    submission_id: 'mine',
  });
});

test('code that is no Unicode text is refused: two programs would have one digest', () => {
  expect(parseMessage('{"user_id":"test","code":"\\ud800"}', LIMIT).error).toMatchObject({ field: 'code' });
});

test('an error names the submission that it is about, if the message did so validly', () => {
  expect(parse({ user_id: 1, code: '', submission_id: 'mine' }).error?.submission_id).toBe('mine');
  expect(parse({ user_id: 1, code: '', submission_id: 'not mine' }).error?.submission_id).toBeUndefined();
});

const nearlyValid = fc.record(
  {
    user_id: fc.oneof(fc.constant('test'), fc.string(), fc.jsonValue()),
    code: fc.oneof(fc.string({ maxLength: 2 * LIMIT, unit: 'binary' }), fc.jsonValue()),
    submission_id: fc.oneof(fc.uuid(), fc.string(), fc.jsonValue()),
    __proto__: fc.jsonValue(),
    constructor: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

test.each([
  ['any text', fc.string({ unit: 'binary' })],
  ['any JSON', fc.json()],
  ['nearly valid messages', nearlyValid.map((message) => JSON.stringify(message))],
])('whatever comes, the answer is a message or a typed error: %s', (_name, frames) => {
  fc.assert(
    fc.property(frames, (frame) => {
      const { message, error } = parseMessage(frame, LIMIT);
      if (message) expect(Object.keys(message)).toEqual(expect.arrayContaining(['user_id', 'code']));
      else expect(errorFrameSchema.safeParse(JSON.parse(JSON.stringify(error))).success).toBe(true);
    }),
  );
});

test('a thousand nested arrays are an error like any other', () => {
  expect(parseMessage('['.repeat(500_000) + ']'.repeat(500_000), LIMIT).error).toBeDefined();
});

test('the JSON Schema tells the rules of the client message', () => {
  expect(protocolSchema()).toMatchObject({
    $defs: {
      client_message: {
        required: ['user_id', 'code'],
        additionalProperties: false,
        properties: { user_id: { pattern: '^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$' } },
      },
      server_frame: { anyOf: expect.any(Array) as unknown[] },
    },
  });
});

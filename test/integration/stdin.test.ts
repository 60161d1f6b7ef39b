import { Client, type Frame } from './client';
import { httpUrl } from './contract';
import { kubectl, removeUsers } from './kubectl';
import { startPlatform, type Platform } from './platform';

/** Input for a running program, over WebSocket and HTTP: delivered exactly once, whichever process dies. */

const USER = 'feeds';

let platform: Platform;
let client: Client;

beforeAll(async () => {
  platform = await startPlatform();
  const first = await Client.connect(platform, '?progress=false');
  await first.submit(USER, 'raise SystemExit(1)'); // From now on the environment exists.
  await first.close();
}, 180_000);

beforeEach(async () => {
  client = await Client.connect(platform);
});

afterEach(() => client.close());

afterAll(async () => {
  await platform?.stop();
  await removeUsers(USER);
});

const isFinal = (frame: Frame) => 'status' in frame;
let count = 0;

/** Reads two lines, then the rest. It exits with 3, so that nothing is deployed. */
const ASKS = `
import sys
print('name?', flush=True)
name = input()
print('and', name, flush=True)
other = input()
print('last', other, flush=True)
print('rest', repr(sys.stdin.read()))
raise SystemExit(3)`;

function submit(code: string, fields: object = { interactive: true }): string {
  const submission_id = `feeds-${process.pid}-${count++}`;
  client.send({ user_id: USER, code, submission_id, ...fields });
  return submission_id;
}

const printed = () =>
  client.frames.map(({ type, text }) => (type === 'output' ? (text as string) : '')).join('');
const said = (text: string) => client.frame(() => printed().includes(text));
/** The answer to the last input; frames of submissions that are being followed are skipped. */
async function answerTo(message: object): Promise<Frame> {
  const before = client.frames.length;
  client.send(message);
  return client.frame(
    (frame) => client.frames.indexOf(frame) >= before && (frame.type === 'stdin' || frame.type === 'error'),
  );
}

test('a program that asks twice gets each answer within a moment, then the end', async () => {
  const submission_id = submit(ASKS);
  await said('name?');
  const sent = Date.now();
  expect(await answerTo({ type: 'stdin', submission_id, data: 'Ada\n' })).toMatchObject({
    received: 4,
    eof: false,
  });
  const took = Date.now() - sent;
  await said('and Ada');
  const whole =
    client.arrivals.get(client.frames.find(({ text }) => String(text).includes('and Ada'))!)! - sent;
  console.log(`from input to its answer ${took} ms, to what the program printed of it ${whole} ms`);
  expect(await answerTo({ type: 'stdin', submission_id, data: 'Grace\nré' })).toMatchObject({ received: 13 });
  await said('last Grace');
  expect(await answerTo({ type: 'stdin', submission_id, data: 'st', eof: true })).toMatchObject({
    received: 15,
    eof: true,
  });
  const final = await client.frame(isFinal);
  expect(final).toMatchObject({ status: 'tests_failed', exit_code: 3 });
  expect(final.stdout).toBe("name?\nand Ada\nlast Grace\nrest 'rést'\n");
}, 60_000);

test('a repeat is not written again; what does not follow on is refused with the place to go on', async () => {
  const submission_id = submit(ASKS);
  const piece = { type: 'stdin', submission_id, data: 'one\n', offset: 0 };
  expect(await answerTo(piece)).toMatchObject({ received: 4 });
  expect(await answerTo(piece)).toMatchObject({ received: 4 });
  for (const wrong of [{ data: 'two\n' }, { offset: 2 }, { offset: 9 }])
    expect(await answerTo({ ...piece, ...wrong })).toMatchObject({
      code: 'conflict',
      field: 'offset',
      limit: 4,
    });
  expect(await answerTo({ ...piece, data: 'two\n', offset: 4, eof: true })).toMatchObject({
    received: 8,
    eof: true,
  });
  expect(await answerTo({ ...piece, data: 'three\n', offset: 8 })).toMatchObject({ code: 'not_running' });
  expect((await client.frame(isFinal)).stdout).toBe("name?\nand one\nlast two\nrest ''\n");
}, 60_000);

test('over HTTP as well', async () => {
  const submission_id = submit(ASKS);
  await client.frame(({ type }) => type === 'accepted');
  const post = async (body: unknown, id = submission_id) => {
    const response = await fetch(`${httpUrl(platform.url)}/api/submissions/${id}/stdin`, {
      method: 'POST',
      headers: { 'X-API-Key': platform.apiKey, 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Frame };
  };
  const data = Buffer.from('bytes\n').toString('base64');
  expect(await post({ data, encoding: 'base64', offset: 0 })).toMatchObject({
    status: 200,
    body: { received: 6 },
  });
  expect(await post({ data: 'two\n', offset: 6, eof: true })).toMatchObject({
    status: 200,
    body: { received: 10 },
  });
  expect(await post({ data: 'x' }, 'nobody-knows-it')).toMatchObject({
    status: 404,
    body: { code: 'not_found' },
  });
  expect(await post({})).toMatchObject({ status: 400, body: { field: 'data' } });
  expect((await client.frame(isFinal)).stdout).toContain('and bytes\nlast two\n');
  expect(await post({ data: 'x', offset: 10 })).toMatchObject({ status: 409, body: { code: 'not_running' } });
}, 60_000);

test('nothing is lost or written twice when the worker is killed in between', async () => {
  const submission_id = submit(ASKS, { interactive: true, limits: { wall_seconds: 90 } });
  await said('name?');
  await answerTo({ type: 'stdin', submission_id, data: 'before\n', offset: 0 });
  await said('and before');
  await platform.worker.stop('SIGKILL');
  const late = answerTo({ type: 'stdin', submission_id, data: 'after\n', offset: 7, eof: true });
  platform.worker = await platform.startWorker();
  const answer = await late;
  // No worker answered in time; it is safe to retry.
  if (answer.code === 'unavailable')
    expect(
      await answerTo({ type: 'stdin', submission_id, data: 'after\n', offset: 7, eof: true }),
    ).toMatchObject({ received: 13 });
  const final = await client.frame(isFinal);
  expect(final).toMatchObject({ exit_code: 3 });
  expect(final.stdout).toBe("name?\nand before\nlast after\nrest ''\n");
}, 120_000);

test('when the test pod is replaced, the program that is executed again gets all of it again', async () => {
  const submission_id = submit(ASKS, { interactive: true, limits: { wall_seconds: 60 } });
  await said('name?');
  await answerTo({ type: 'stdin', submission_id, data: 'before\n', offset: 0 });
  await said('and before');
  await kubectl('delete', 'pod', `${USER}-test`, '-n', `user-${USER}`, '--grace-period=0', '--force');
  await client.frame(({ stage, state }) => stage === 'prepare_environment' && state === 'completed');
  await answerTo({ type: 'stdin', submission_id, data: 'after\n', offset: 7, eof: true });
  expect((await client.frame(isFinal)).stdout).toBe("name?\nand before\nlast after\nrest ''\n");
}, 120_000);

test('who did not ask for input gets none', async () => {
  const submission_id = submit('import time\ntime.sleep(2)\nprint(repr(input()))', {});
  expect(await answerTo({ type: 'stdin', submission_id, data: 'x\n' })).toMatchObject({
    code: 'not_interactive',
    submission_id,
  });
  expect(await client.frame(isFinal)).toMatchObject({
    reason: 'failed',
    error: { message: expect.stringContaining('EOFError') as string },
  });
}, 60_000);

test('a flood is bounded, and a piece too long is refused by field and limit', async () => {
  const submission_id = submit('import sys\nprint(len(sys.stdin.read()))\nraise SystemExit(3)');
  expect(await answerTo({ type: 'stdin', submission_id, data: 'x'.repeat(65_537) })).toMatchObject({
    code: 'invalid_message',
    field: 'data',
    limit: 65_536,
  });
  const data = 'x'.repeat(65_536);
  for (let piece = 0; piece < 16; piece++)
    expect(await answerTo({ type: 'stdin', submission_id, data })).toMatchObject({
      received: 65_536 * (piece + 1),
    });
  expect(await answerTo({ type: 'stdin', submission_id, data: 'x' })).toMatchObject({
    code: 'too_much_input',
    field: 'data',
    limit: 1_048_576,
  });
  await answerTo({ type: 'stdin', submission_id, eof: true });
  expect((await client.frame(isFinal)).stdout).toBe('1048576\n');
}, 120_000);

test('input sent without waiting arrives in its order', async () => {
  const submission_id = submit('import sys\nprint(sys.stdin.read())\nraise SystemExit(3)');
  for (let n = 0; n < 20; n++) client.send({ type: 'stdin', submission_id, data: `${n} `, eof: n === 19 });
  const final = await client.frame(isFinal);
  expect(final.stdout).toBe([...Array(20).keys()].map((n) => `${n} `).join('') + '\n');
}, 60_000);

import { Client } from './client';
import { removeUsers } from './kubectl';
import { sharedPlatform } from './platform';

/** What the gateway refuses, and its error messages. */

const platform = sharedPlatform();

afterAll(() => removeUsers('edge'));

test('an unknown key is refused at the upgrade with 401', async () => {
  const stranger = { url: platform.url, apiKey: 'not-a-key-of-this-place' };
  await expect(Client.connect(stranger)).rejects.toThrow('Unexpected server response: 401');
});

test.each([
  ['malformed JSON', '{"user_id": "test", ', { code: 'invalid_json' }],
  ['no code', { user_id: 'edge' }, { code: 'invalid_message', field: 'code' }],
  ['a user id that is no DNS label', { user_id: 'Test_1', code: '' }, { field: 'user_id' }],
  ['a user id that is too long', { user_id: 'x'.repeat(41), code: '' }, { field: 'user_id' }],
  ['an unknown field', { user_id: 'edge', code: '', colour: 'red' }, { field: 'colour' }],
  [
    'code that is too large',
    { user_id: 'edge', code: '#'.repeat(300_000) },
    { code: 'code_too_large', field: 'code', limit: 262_144 },
  ],
])('%s is answered with a clear error, and the connection goes on', async (_, message, expected) => {
  const client = await Client.connect(platform);
  client.send(message);
  const error = await client.frame(({ type }) => type === 'error');
  expect(error).toMatchObject({ type: 'error', message: expect.any(String) as string, ...expected });
  expect(error).not.toHaveProperty('status');

  client.send({ user_id: 'edge', code: 'raise SystemExit(1)' });
  expect(await client.frame((frame) => 'status' in frame)).toMatchObject({ status: 'tests_failed' });
  await client.close();
});

test('a message beyond every limit closes the connection with 1009', async () => {
  const client = await Client.connect(platform);
  client.send({ user_id: 'edge', code: '#'.repeat(2_000_000) });
  expect((await client.closed()).code).toBe(1009);
});

test('the same submission id joins the first submission, and with other code is a conflict', async () => {
  const client = await Client.connect(platform, '?progress=false');
  const submission_id = `join-${Date.now()}`;
  const message = { user_id: 'edge', code: 'raise SystemExit(4)', submission_id };
  client.send(message);
  const first = await client.frame((frame) => 'status' in frame);
  client.frames.length = 0;
  client.send(message);
  const again = await client.frame((frame) => 'status' in frame);
  expect(again).toEqual(first);
  client.send({ ...message, code: 'raise SystemExit(5)' });
  expect(await client.frame(({ type }) => type === 'error')).toMatchObject({
    code: 'conflict',
    submission_id,
  });
  await client.close();
});

import { Client } from './client';
import { contractOf, httpUrl } from './contract';
import { removeUsers } from './kubectl';
import { startPlatform, type Platform } from './platform';
import { startProcess } from './process';
import { stack } from './stack';

/** A gateway that shuts down leaves no client hanging; they all continue at another gateway. */

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
});

afterAll(async () => {
  await platform?.stop();
  await removeUsers('drain');
});

test('sockets are told to come back, streams end, and the submission goes on elsewhere', async () => {
  const gateway = await startProcess('gateway/main.ts', 'gateway ready', {
    HOST: '127.0.0.1',
    PORT: '0',
    API_KEY: platform.apiKey,
    TEMPORAL_ADDRESS: stack().temporalAddress,
    TEMPORAL_TASK_QUEUE: platform.taskQueue,
  });
  const url = String(gateway.ready.url);
  try {
    const { apiKey } = platform;
    const client = await Client.connect({ url: `${url.replace(/^http/, 'ws')}/ws/code`, apiKey });
    const submission_id = `drain-${Date.now()}`;
    const code = 'input()\nraise SystemExit(1)';
    client.send({ user_id: 'drain', code, submission_id, interactive: true });
    await client.frame(({ type }) => type === 'stage');
    const headers = { 'X-API-Key': apiKey };
    const events = await fetch(`${url}/api/submissions/${submission_id}/events`, { headers });
    const waiting = fetch(`${url}/api/submissions/${submission_id}?wait=50`, { headers });
    const text = events.text();
    await new Promise((resolve) => setTimeout(resolve, 300)); // All three are in progress.

    const asked = Date.now();
    await gateway.stop('SIGTERM');
    expect(Date.now() - asked).toBeLessThan(3_000);
    expect(await client.closed()).toMatchObject({
      code: 1001,
      reason: expect.stringContaining('resume after the last cursor') as string,
    });
    expect(await text).toMatch(/: the gateway is going down: come back after the last event id\n\n$/);
    expect(await (await waiting).json()).toMatchObject({ status: 'running', result: null });

    const { cursor } = client.frames.at(-1)!;
    const other = await Client.connect(platform);
    other.send({ type: 'stdin', submission_id, data: '\n' });
    other.send({ type: 'resume', submission_id, cursor });
    expect(await other.frame((frame) => 'status' in frame)).toMatchObject({ status: 'tests_failed' });
    const cursors = [...client.frames, ...other.frames].flatMap((frame) => frame.cursor ?? []);
    expect(new Set(cursors).size).toBe(cursors.length);
    await other.close();
  } finally {
    await gateway.stop('SIGKILL');
  }
});

test('what is against the contract is seen by the tests', async () => {
  const faultsOf = await contractOf(httpUrl(platform.url));
  const frame = { type: 'cancel', submission_id: 'x', state: 'over' };
  expect(faultsOf(frame)).toBeNull();
  expect(faultsOf({ ...frame, state: 'maybe' })).not.toBeNull();
  expect(faultsOf({ ...frame, colour: 'red' })).not.toBeNull();
  expect(faultsOf({ type: 'cancel' })).not.toBeNull();
});

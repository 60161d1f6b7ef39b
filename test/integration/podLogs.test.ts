import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { OrchestrationClient, type LogEvent } from '../../client';
import { eventsIn } from '../../client/eventStream';
import { httpUrl } from './contract';
import { submit, Users } from './deployed';
import { startForwarder, type Forwarder } from './forwarder';
import { kubectl } from './kubectl';
import { startPlatform, type Platform } from './platform';

/** The output of pods, live through the gateway, and from Elasticsearch when the pods are deleted. */

const users = new Users('podlogs');
let forwarder: Forwarder;
let platform: Platform;
let client: OrchestrationClient;

beforeAll(async () => {
  forwarder = await startForwarder();
  platform = await startPlatform({ ELASTICSEARCH_LOGS: forwarder.prefix });
  client = new OrchestrationClient({ url: httpUrl(platform.url), key: platform.apiKey });
});

afterAll(async () => {
  await platform?.stop();
  await forwarder?.remove();
  await users.remove();
});

/**
 * Passes its tests at once; in production prints a line with its number and the time, five times per second.
 */
const counting = (name: string) => `
import os, time
n = 0
print('${name} begins', flush=True)
while os.environ.get("DATABASE_URL"):
    print('${name}', n, time.time(), flush=True)
    n += 1
    time.sleep(0.2)
`;

type Line = Extract<LogEvent, { type: 'line' }>;
const numbersOf = (lines: Line[], name: string) =>
  lines.flatMap(({ text }) => {
    const [, number] = new RegExp(`^${name} (\\d+) `).exec(text) ?? [];
    return number === undefined ? [] : [Number(number)];
  });
const upTo = (count: number) => [...Array(count).keys()];

/** Follows until `isEnough` accepts the received lines. */
async function followed(user: string, isEnough: (lines: Line[]) => boolean): Promise<Line[]> {
  const stop = new AbortController();
  const lines: Line[] = [];
  for await (const event of client.logs(user, { follow: 'true' }, { signal: stop.signal })) {
    if (event.type === 'line') lines.push(event);
    if (isEnough(lines)) break;
  }
  stop.abort();
  return lines;
}

async function stored(user: string, isAll: (lines: Line[]) => boolean): Promise<Line[]> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const lines: Line[] = [];
    for await (const event of client.logs(user, { tail: '2000' }))
      if (event.type === 'line') lines.push(event);
    if (isAll(lines)) return lines;
    if (Date.now() > deadline) throw new Error(`not all is stored: ${JSON.stringify(lines)}`);
    await wait(500);
  }
}

test('a program is followed over the pod that takes its place, and what is gone is still there', async () => {
  const user = users.another();
  expect(await submit(platform, user, counting('one'))).toMatchObject({ status: 'deployed' });
  const following = followed(user, (lines) => numbersOf(lines, 'two').length >= 10);
  const first = await followed(user, (lines) => numbersOf(lines, 'one').length >= 10);
  expect(numbersOf(first, 'one')).toEqual(upTo(10));
  expect(first.every(({ pod }) => pod.startsWith(`${user}-prod-`))).toBe(true);

  expect(await submit(platform, user, counting('two'))).toMatchObject({ status: 'deployed' });
  const lines = await following;
  const ones = numbersOf(lines, 'one');
  expect(ones).toEqual(upTo(ones.length));
  expect(numbersOf(lines, 'two')).toEqual(upTo(10));
  expect(new Set(lines.map(({ pod }) => pod)).size).toBe(2);

  const delays = lines.flatMap(({ at, text }) => {
    const printed = / (\d+\.\d+)$/.exec(text)?.[1];
    return printed === undefined ? [] : [Date.parse(at) - Number(printed) * 1_000];
  });
  expect(Math.max(...delays)).toBeLessThan(2_000);

  // The first pod is deleted: Elasticsearch has its lines, each once and in order.
  await kubectl('wait', '--for=delete', 'pod', lines[0]!.pod, '-n', `user-${user}`, '--timeout=60s');
  const all = await stored(user, (now) => numbersOf(now, 'one').length >= ones.length);
  expect(numbersOf(all, 'one').slice(0, ones.length)).toEqual(ones);
  expect(new Set(numbersOf(all, 'one')).size).toBe(numbersOf(all, 'one').length);
  const twos = numbersOf(all, 'two');
  expect(twos).toEqual(upTo(twos.length));
  expect(all.map(({ at }) => at)).toEqual(all.map(({ at }) => at).sort());
}, 300_000);

test('on another gateway one goes on after the last line that was seen', async () => {
  const user = users.another();
  expect(await submit(platform, user, counting('line'))).toMatchObject({ status: 'deployed' });
  const other = httpUrl(await platform.startGateway({ ELASTICSEARCH_LOGS: forwarder.prefix }));
  const seen: number[] = [];
  let last: string | undefined;
  for (const url of [httpUrl(platform.url), other, httpUrl(platform.url), other]) {
    const stop = new AbortController();
    const response = await fetch(`${url}/api/users/${user}/logs?follow=true`, {
      headers: {
        ...{ 'X-API-Key': platform.apiKey, Accept: 'text/event-stream' },
        ...(last !== undefined && { 'Last-Event-ID': last }),
      },
      signal: stop.signal,
    });
    let count = 0;
    for await (const { id, data } of eventsIn(response.body!)) {
      seen.push(...numbersOf([JSON.parse(data) as Line], 'line'));
      last = id ?? last;
      if (++count === 7) break;
    }
    stop.abort();
    await wait(500); // Meanwhile it keeps printing.
  }
  expect(seen.length).toBeGreaterThan(20);
  expect(seen).toEqual(upTo(seen.length));
});

async function command(...args: string[]): Promise<string> {
  const child = spawn('client/cli/orchestration-app.mjs', args, {
    env: {
      ...{ PATH: process.env.PATH, HOME: process.env.HOME },
      ...{ ORCHESTRATION_URL: httpUrl(platform.url), ORCHESTRATION_KEY: platform.apiKey },
    },
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data: Buffer) => (printed += data.toString()));
  await once(child, 'close');
  return printed;
}

test('the command shows the program, the database and the test pod, of a user and of a submission', async () => {
  const user = users.another();
  const { submission_id: id } = await submit(platform, user, "print('from the command')");
  expect(await command('logs', String(id))).toBe('from the command\n');
  expect(await command('logs', user)).toMatch(new RegExp(`^${user}-prod-\\S+ from the command$`, 'm'));
  expect(await command('logs', String(id), '--part', 'prod')).toContain('from the command');
  expect(await command('logs', user, '--part', 'test', '--tail', '20')).toContain(`${user}-test [`);
  expect(await command('logs', user, '--part', 'db')).toContain(`${user}-prod-db-0 `);
  const [json] = (await command('logs', user, '--tail', '1', '--json')).trim().split('\n');
  expect(JSON.parse(json!)).toMatchObject({ type: 'line', pod: expect.stringContaining(user) as string });
  expect(await command('logs', user, '--part', 'nothing')).toContain('part must be one of test, prod, db');

  await kubectl('delete', 'namespace', `user-${user}`, '--wait=true');
  const lines = await stored(user, (now) => now.some(({ text }) => text === 'from the command'));
  expect(lines.filter(({ text }) => text === 'from the command')).toHaveLength(1);
}, 240_000);

test('a forwarder that was killed stores nothing twice and leaves nothing out', async () => {
  const user = users.another();
  expect(await submit(platform, user, counting('line'))).toMatchObject({ status: 'deployed' });
  await stored(user, (lines) => numbersOf(lines, 'line').length > 10);
  process.kill(forwarder.pid()!, 'SIGKILL');
  await wait(2_000);
  await forwarder.start();
  const before = await followed(user, (lines) => numbersOf(lines, 'line').length > 30);
  await kubectl('delete', 'deployment', `${user}-prod`, '-n', `user-${user}`);
  await kubectl('wait', '--for=delete', 'pod', before[0]!.pod, '-n', `user-${user}`, '--timeout=60s');
  const all = numbersOf(
    await stored(user, (lines) => numbersOf(lines, 'line').length >= numbersOf(before, 'line').length),
    'line',
  );
  expect(all).toEqual(upTo(all.length));
});

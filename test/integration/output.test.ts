import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { Client as Elasticsearch } from '@elastic/elasticsearch';
import { outputIndexOf } from '../../infrastructure/elasticsearch/outputTemplate';
import { Client, type Frame } from './client';
import { httpUrl } from './contract';
import { kubectl, removeUsers } from './kubectl';
import { startPlatform, type Platform } from './platform';
import { stack } from './stack';

/**
 * All output of a program is in the log store, and is served from there when it is not available elsewhere.
 */

const USER = 'prints';

/** A proxy to Elasticsearch that can be cut. */
class Line {
  private readonly sockets = new Set<Socket>();
  private cut = false;
  private readonly server = createServer((socket) => {
    if (this.cut) return void socket.destroy();
    const { hostname, port } = new URL(stack().elasticsearchHost);
    const upstream = connect(Number(port || 80), hostname);
    for (const [one, other] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      this.sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.sockets.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });

  async open(): Promise<string> {
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  set down(cut: boolean) {
    this.cut = cut;
    if (cut) for (const socket of this.sockets) socket.destroy();
  }

  close(): void {
    this.down = true;
    this.server.close();
  }
}

const line = new Line();
let platform: Platform;
let client: Client;

beforeAll(async () => {
  platform = await startPlatform({ ELASTICSEARCH_HOST: await line.open() });
  client = await Client.connect(platform);
  await client.submit(USER, 'raise SystemExit(1)'); // From now on the environment exists.
}, 180_000);

afterAll(async () => {
  line.down = false;
  await client?.close();
  await platform?.stop();
  line.close();
  await removeUsers(USER);
});

/** The bytes that the gateway returns, once they are as many as expected, or after `most` retries. */
async function outputOf(id: string, bytes: number, most = 60): Promise<Buffer> {
  for (let tries = 0; ; tries++) {
    const response = await fetch(`${httpUrl(platform.url)}/api/submissions/${id}/output?stream=stdout`, {
      headers: { 'X-API-Key': platform.apiKey },
    });
    const output = Buffer.from(await response.arrayBuffer());
    if (output.length === bytes || tries === most) return output;
    await wait(500);
  }
}

async function submitted(code: string, fields: object = {}): Promise<Frame> {
  client.frames.length = 0;
  client.send({ user_id: USER, code, ...fields });
  return client.frame((frame) => 'status' in frame || frame.type === 'error');
}

const NUMBERS = "for n in range(200_000): print(f'{n:09}')\nraise SystemExit(3)";
const ALL_NUMBERS = Buffer.from(
  [...Array(200_000).keys()].map((n) => `${String(n).padStart(9, '0')}\n`).join(''),
);

test('two megabytes come back whole, also when their pod is gone', async () => {
  const final = await submitted(NUMBERS);
  expect(final).toMatchObject({ reason: 'failed', stdout_bytes: ALL_NUMBERS.length });
  const id = final.submission_id as string;
  expect((await outputOf(id, ALL_NUMBERS.length)).equals(ALL_NUMBERS)).toBe(true);
  await kubectl('delete', 'pod', `${USER}-test`, '-n', `user-${USER}`, '--grace-period=0', '--force');
  expect((await outputOf(id, ALL_NUMBERS.length)).equals(ALL_NUMBERS)).toBe(true);
}, 120_000);

test('bytes that are no text, and those of cases, are stored as well, once each', async () => {
  const code = `import sys
n = int(input())
sys.stdout.buffer.write(bytes(range(256)) * n)
sys.exit(0 if n < 1000 else 3)`;
  const cases = [1, 1000, 2].map((n) => ({ stdin: `${n}\n`, expected_stdout: '' }));
  const { submission_id: id } = await submitted(code, { tests: { cases } });
  const elasticsearch = new Elasticsearch({ node: stack().elasticsearchHost });
  try {
    const sums = async () => {
      const { hits } = await elasticsearch.search({
        index: outputIndexOf(platform.index),
        ignore_unavailable: true,
        size: 100,
        query: { term: { 'submission.id': String(id) } },
      });
      const found: Record<string, number> = {};
      for (const { _source } of hits.hits) {
        const { output } = _source as { output: { execution: string; bytes: number } };
        found[output.execution] = (found[output.execution] ?? 0) + output.bytes;
      }
      return Object.values(found).sort((one, other) => one - other);
    };
    for (let tries = 0; tries < 60 && (await sums()).length < 3; tries++) await wait(500);
    expect(await sums()).toEqual([256, 512, 256_000]);
  } finally {
    await elasticsearch.close();
  }
}, 120_000);

test('an outage of the log store delays no verdict, and loses nothing', async () => {
  line.down = true;
  const begun = Date.now();
  const final = await submitted(NUMBERS);
  const took = Date.now() - begun;
  expect(final).toMatchObject({ reason: 'failed' });
  expect(took).toBeLessThan(20_000);
  const id = final.submission_id as string;
  const partly = await outputOf(id, -1, 0);
  expect(partly.toString()).toMatch(/\[\.\.\. \d+ bytes left out \.\.\.\]/);
  line.down = false;
  expect((await outputOf(id, ALL_NUMBERS.length)).equals(ALL_NUMBERS)).toBe(true);
}, 180_000);

test('cases are told as they end, before all have', async () => {
  const code = 'import time\nn = int(input())\ntime.sleep(4 if n == 3 else 0)\nprint(n * 2)';
  const cases = [1, 2, 3].map((n) => ({
    name: `case of ${n}`,
    stdin: `${n}\n`,
    expected_stdout: n === 2 ? '5' : `${2 * n}`,
  }));
  expect(await submitted(code, { tests: { cases } })).toMatchObject({ reason: 'wrong_output' });
  const { frames, arrivals } = client;
  // The last case ends together with the tests, so its frame may be ready too late to be sent.
  const live = frames.filter(({ type, index }) => type === 'case' && index !== 2);
  expect(live).toMatchObject([
    { index: 0, total: 3, name: 'case of 1', outcome: 'passed' },
    { index: 1, total: 3, name: 'case of 2', outcome: 'wrong_output' },
  ]);
  const completed = frames.find(({ stage, state }) => stage === 'run_tests' && state === 'completed')!;
  // The last case alone takes 4 s.
  expect(arrivals.get(completed)! - arrivals.get(live[1]!)!).toBeGreaterThan(2_000);
  expect(frames.filter(({ type }) => type === 'test')).toHaveLength(3);
}, 60_000);

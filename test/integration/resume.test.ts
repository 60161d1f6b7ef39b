import { Client, type Frame } from './client';
import { httpUrl } from './contract';
import { eventsOf } from './events';
import { removeUsers } from './kubectl';
import { startPlatform, type Platform } from './platform';

/**
 * A connection is cut after every frame, and resumed at the other of two gateways: each frame arrives once.
 */

let platform: Platform;
let replicas: string[];

beforeAll(async () => {
  platform = await startPlatform();
  replicas = [platform.url, await platform.startGateway()];
});

afterAll(async () => {
  await platform?.stop();
  await removeUsers('resume');
});

/** Gets the first frame after a cursor from a gateway, and then terminates the connection. */
type NextFrame = (url: string, submissionId: string, cursor: string | undefined) => Promise<Frame>;

async function overWebSocket(url: string, submission_id: string, cursor: string | undefined): Promise<Frame> {
  const client = await Client.connect({ url, apiKey: platform.apiKey });
  try {
    client.send({ type: 'resume', submission_id, cursor });
    return await client.frame((frame) => frame.cursor !== undefined || frame.type === 'error');
  } finally {
    client.drop();
  }
}

async function overEvents(url: string, submissionId: string, after: string | undefined): Promise<Frame> {
  const { apiKey } = platform;
  for await (const { id, frame } of eventsOf(httpUrl(url), submissionId, { apiKey, after })) {
    expect(id).toBe(frame.cursor);
    if (id !== undefined) return frame;
  }
  throw new Error(`nothing follows ${after}`);
}

const code = `
import sys, time
for n in range(12):
    print('line', n, flush=True)
    print('on the other stream', n, file=sys.stderr, flush=True)
    time.sleep(0.1)
`;

/** All frames, with a cut after each. */
async function cutEverywhere(submissionId: string, nextFrame: NextFrame): Promise<Frame[]> {
  const frames: Frame[] = [];
  for (;;) {
    const url = replicas[frames.length % 2]!;
    const frame = await nextFrame(url, submissionId, frames.at(-1)?.cursor as string | undefined);
    frames.push(frame);
    if ('status' in frame || frame.type === 'error') return frames;
  }
}

const textOf = (frames: Frame[], stream: string) =>
  frames
    .filter((frame) => frame.type === 'output' && frame.stream === stream)
    .map(({ text }) => text as string)
    .join('');

const printed = (text: string) => Array.from({ length: 12 }, (_, n) => `${text} ${n}\n`).join('');

test.each<[string, NextFrame]>([
  ['a WebSocket', overWebSocket],
  ['Server-Sent Events', overEvents],
])('over %s, while it goes on and when it is over', async (_, nextFrame) => {
  const submission_id = `cut-${Date.now()}`;
  const client = await Client.connect(platform);
  client.send({ user_id: 'resume', code, submission_id });
  await client.frame(({ type }) => type === 'accepted');
  const [going] = await Promise.all([
    cutEverywhere(submission_id, nextFrame),
    client.frame((frame) => 'status' in frame),
  ]);
  await client.close();
  const over = await cutEverywhere(submission_id, nextFrame);

  const whole = client.frames.filter(({ cursor }) => cursor !== undefined);
  for (const cut of [going, over]) {
    expect(new Set(cut.map(({ cursor }) => cursor)).size).toBe(cut.length);
    // How output is cut into frames is not specified, only its bytes are.
    const others = (frames: Frame[]) => frames.filter(({ type }) => type !== 'output');
    expect(others(cut)).toEqual(others(whole));
    expect(textOf(cut, 'stdout')).toBe(printed('line'));
    expect(textOf(cut, 'stderr')).toBe(printed('on the other stream'));
  }
  expect(going.length).toBeGreaterThan(over.length); // Live output has more pieces.
});

import { once } from 'node:events';
import * as fc from 'fast-check';
import pino from 'pino';
import { WebSocket } from 'ws';
import { DEFAULT_LIMITS } from '../../gateway/limits';
import { protocolSchema } from '../../gateway/protocol/jsonSchema';
import { startServer, type RunningServer } from '../../gateway/server';
import { serverFrame } from '../../gateway/protocol/serverFrames';
import { FakeSubmissions } from './fakeSubmissions';
import { valuesOf, type Schema } from './protocol/values';
import { rules } from './protocol/rules';

/**
 * Sends arbitrary frames to a real gateway: every frame is answered according to the contract, and the
 * connection stays open.
 */

const API_KEY = 'a key for the tests only';
const RUNS = 1_500;
let server: RunningServer;
const failures: string[] = [];

beforeAll(async () => {
  const write = (line: string) => void (line.includes('"code":"internal"') && failures.push(line));
  server = await startServer(
    { API_KEY, HOST: '127.0.0.1', PORT: 0 },
    {
      submissions: new FakeSubmissions(),
      rules,
      logger: pino({ level: 'error' }, { write }),
      limits: { ...DEFAULT_LIMITS, maxInFlight: 1_000 },
    },
  );
});

afterAll(() => server.close());

const { $defs } = protocolSchema(rules) as { $defs: { client_message: Schema } };

/** Valid messages: generated ones that only follow the schema rarely are. */
const valid = fc.oneof(
  fc.record({ user_id: fc.constant('test'), code: fc.string() }),
  fc.record({ type: fc.constant('list'), limit: fc.integer({ min: 1, max: 100 }) }),
);

const frames = fc.oneof(
  {
    weight: 6,
    arbitrary: valuesOf($defs.client_message).map((value) => JSON.stringify(value) ?? 'undefined'),
  },
  { weight: 1, arbitrary: valid.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }) },
);

test('no frame closes the connection, and every answer is of the contract', async () => {
  const socket = new WebSocket(`${server.url}/ws/code`, { headers: { 'X-API-Key': API_KEY } });
  const answers: Record<string, unknown>[] = [];
  let arrived: () => void = () => undefined;
  let closed: number | undefined;
  socket.on('close', (code) => {
    closed = code;
    arrived();
  });
  socket.on('message', (data: Buffer) => {
    answers.push(JSON.parse(data.toString()) as Record<string, unknown>);
    arrived();
  });
  await once(socket, 'open');
  const codes = new Set<unknown>();
  let probes = 0;
  await fc.assert(
    fc.asyncProperty(frames, async (frame) => {
      answers.length = 0;
      const probe = `no-such-${probes++}`;
      socket.send(frame);
      // Answers to one message are ordered, but not those to two messages: this one only proves that the
      // connection is open.
      socket.send(JSON.stringify({ type: 'cancel', submission_id: probe }));
      const isProbe = (answer: Record<string, unknown>) => answer.submission_id === probe;
      while (answers.filter(isProbe).length === 0 || answers.every(isProbe)) {
        if (closed !== undefined) throw new Error(`closed with ${closed}`);
        await new Promise<void>((resolve) => (arrived = resolve));
      }
      for (const answer of answers) {
        serverFrame.parse(answer);
        codes.add(answer.code ?? answer.type ?? 'verdict');
      }
    }),
    { numRuns: RUNS },
  );
  socket.terminate();
  expect(failures).toEqual([]);
  // All kinds of answers occurred, so the generated frames were varied.
  for (const code of [
    'invalid_json',
    'invalid_message',
    'binary_not_supported',
    'not_found',
    'accepted',
    'list',
  ])
    expect(codes).toContain(code);
}, 60_000);

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, Runtime } from '@temporalio/worker';
import { bundleWorkflows } from '../../worker/bundle';
import { parseHistory } from '../../operations/replay/history';
import { Replayer } from '../../operations/replay/replayer';

/**
 * Workflows that started with the code of the day they were recorded continue with the current code:
 * histories of every path are replayed. `npm run record` records them.
 */

const folder = join(__dirname, 'histories');
const namesIn = (path: string) =>
  readdirSync(join(folder, path))
    .filter((file) => file.endsWith('.json'))
    .map((file) => join(path, file.replace(/\.json$/, '')));
const names = namesIn('.');
/** Of workflows that release 0.2.0 started. */
const older = namesIn('0.2.0');
const textOf = (name: string) => readFileSync(join(folder, `${name}.json`), 'utf8');

/** The history in tctl's format, with the short names of enumerations. */
const asOfTctl = (text: string) =>
  text.replaceAll(/"(?:EVENT_TYPE|TASK_QUEUE_KIND|RETRY_STATE|TIMEOUT_TYPE)_([A-Z_]+)"/g, (_, name: string) =>
    JSON.stringify(name.toLowerCase().replaceAll(/(?:^|_)[a-z]/g, (first) => first.slice(-1).toUpperCase())),
  );

const logger = new DefaultLogger('ERROR');
let replayer: Replayer;

beforeAll(async () => {
  Runtime.install({ logger });
  replayer = new Replayer(await bundleWorkflows({ logger }));
}, 60_000);

test.each([...names, ...older])('the path "%s" is replayed by the code of today', async (name) => {
  expect(await replayer.replay(parseHistory(textOf(name)), name)).toEqual({ outcome: 'ok' });
});

describe('by a worker that traces', () => {
  let tracing: Replayer;
  beforeAll(async () => {
    tracing = new Replayer(await bundleWorkflows({ traced: true, logger }));
  }, 60_000);

  test.each(names)('the path "%s" is replayed, too', async (name) => {
    expect(await tracing.replay(parseHistory(textOf(name)), name)).toEqual({ outcome: 'ok' });
  });
});

test.each(['deployed', 'retried', 'cancelled_in_rollout'])(
  'a history as tctl wrote it is replayed: "%s"',
  async (name) => {
    const old = asOfTctl(textOf(name));
    expect(old).toContain('"WorkflowExecutionStarted"');
    expect(parseHistory(old)).toEqual(JSON.parse(textOf(name)));
    expect(await replayer.replay(parseHistory(old), name)).toEqual({ outcome: 'ok' });
  },
);

test('a workflow that takes other steps than its history is found, and it is said where', async () => {
  const broken = new Replayer(await bundleWorkflows({ path: require.resolve('./broken'), logger }));
  expect(await broken.replay(parseHistory(textOf('0.2.0/deployed')), 'deployed')).toEqual({
    outcome: 'diverges',
    message: expect.stringMatching(/applyDatabase/) as string,
  });
}, 60_000);

test.each([
  ['no JSON', 'events', /not JSON/],
  ['no events', '{"events":[]}', /no list of events/],
  ['null', 'null', /no list of events/],
  ['a list of numbers', '[1]', /first event must be WorkflowExecutionStarted/],
  ['the end of a history', '{"events":[{"eventType":"TimerFired"}]}', /and is "EVENT_TYPE_TIMER_FIRED"/],
])('%s is refused', (_, text, reason) => {
  expect(() => parseHistory(text)).toThrow(reason);
});

test('events in a bare array are a history', () => {
  const { events } = JSON.parse(textOf('deployed')) as { events: unknown[] };
  expect(parseHistory(JSON.stringify(events)).events).toHaveLength(events.length);
});

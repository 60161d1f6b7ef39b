import { Client } from '@elastic/elasticsearch';
import { setTimeout as wait } from 'node:timers/promises';
import { submit, Users } from '../integration/deployed';
import { startForwarder, type Forwarder } from '../integration/forwarder';
import { startPlatform, type Platform } from '../integration/platform';
import { stack } from '../integration/stack';

/** A program that prints without end neither fills the log store nor delays the lines of others. */

const LINES_PER_MINUTE = 300;
const MINUTE_MS = 60_000;

const users = new Users('floods');
const elasticsearch = new Client({ node: stack().elasticsearchHost });
let forwarder: Forwarder;
let platform: Platform;

beforeAll(async () => {
  forwarder = await startForwarder(undefined, LINES_PER_MINUTE);
  platform = await startPlatform({ ELASTICSEARCH_LOGS: forwarder.prefix });
});

afterAll(async () => {
  await platform?.stop();
  await forwarder?.remove();
  await users.remove();
  await elasticsearch.close();
});

/** In production, prints about 10,000 lines a second. */
const FLOODING = `
import os, time
print('begins', flush=True)
while os.environ.get("DATABASE_URL"):
    for n in range(1000): print('flood', n)
    time.sleep(0.1)
`;

/** In production, prints the time once a second. */
const TICKING = `
import os, time
print('begins', flush=True)
while os.environ.get("DATABASE_URL"):
    print('tick', time.time(), flush=True)
    time.sleep(1)
`;

/** The newest stored lines of a user's program that contain a word, and how many lines are stored. */
async function stored(user: string, word = ''): Promise<{ count: number; texts: string[] }> {
  const { hits } = await elasticsearch.search<{ message: string }>({
    index: `${forwarder.prefix}-*`,
    allow_no_indices: true,
    track_total_hits: true,
    size: 10,
    sort: [{ '@timestamp': { order: 'desc', unmapped_type: 'date' } }],
    query: {
      bool: {
        filter: [
          { term: { 'user.id': user } },
          { term: { 'container.name': 'program' } },
          ...(word === '' ? [] : [{ match: { message: { query: word, operator: 'and' as const } } }]),
        ],
      },
    },
  });
  const { total } = hits;
  return {
    count: typeof total === 'number' ? total : (total?.value ?? 0),
    texts: hits.hits.map(({ _source }) => _source?.message ?? ''),
  };
}

test('the lines of one pod are limited, with a notice; those of another arrive in time', async () => {
  const [flooding, ticking] = [users.another(), users.another()];
  const deployed = { status: 'deployed', message: expect.any(String) as string };
  const verdicts = [await submit(platform, ticking, TICKING)];
  const begun = Date.now();
  verdicts.push(await submit(platform, flooding, FLOODING));
  expect(verdicts.map(({ status, message }) => ({ status, message }))).toEqual([deployed, deployed]);

  const delays: number[] = [];
  let notices: string[] = [];
  while (notices.length === 0 && Date.now() - begun < 3 * MINUTE_MS) {
    const [newest] = (await stored(ticking, 'tick')).texts;
    if (newest !== undefined) delays.push(Date.now() - Number(newest.split(' ')[1]) * 1_000);
    const minutes = Math.ceil((Date.now() - begun) / MINUTE_MS) + 1;
    expect((await stored(flooding)).count).toBeLessThanOrEqual(minutes * (LINES_PER_MINUTE + 1));
    notices = (await stored(flooding, 'lines were not stored')).texts;
    await wait(1_000);
  }
  delays.sort((one, other) => one - other);
  const late = delays[Math.floor(delays.length * 0.95)] ?? Infinity;
  console.log(
    `age of the newest line of the other pod: 95 % below ${Math.round(late)} ms of ${delays.length}`,
  );
  expect(late).toBeLessThan(10_000);
  expect(notices[0]).toMatch(
    new RegExp(
      `^\\[(\\d{4,}) lines were not stored: more than ${LINES_PER_MINUTE} were printed within a minute\\. ` +
        `The node keeps the latest ones: kubectl logs ${flooding}-prod-\\S+ -n user-${flooding} -c program\\]$`,
    ),
  );
  expect((await stored(flooding)).count).toBeGreaterThanOrEqual(LINES_PER_MINUTE);
}, 400_000);

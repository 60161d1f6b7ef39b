import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Client as Elasticsearch } from '@elastic/elasticsearch';
import { Client as Temporal, Connection } from '@temporalio/client';
import { outputIndexOf } from '../../infrastructure/elasticsearch/outputTemplate';
import { rejectedIndexOf } from '../../infrastructure/elasticsearch/actionsTemplate';
import { Client } from './client';
import { removeUsers } from './kubectl';
import { runScript } from './script';
import { startPlatform, type Platform } from './platform';
import { stack } from './stack';

/** `npm run reindex` on real servers. */

const USER = 'reindex';

interface StoredAction {
  event: { action: string };
  submission: { id: string };
}

let platform: Platform;
let elasticsearch: Elasticsearch;
let another: string;

beforeAll(async () => {
  platform = await startPlatform();
  another = `${platform.index}-again`;
  elasticsearch = new Elasticsearch({ node: stack().elasticsearchHost });
});

afterAll(async () => {
  await platform?.stop();
  for (const index of [another, outputIndexOf(another)])
    for (const name of [index, rejectedIndexOf(index)]) {
      await elasticsearch.indices.delete({ index: name, ignore_unavailable: true });
      await elasticsearch.indices.deleteIndexTemplate({ name }, { ignore: [404] });
    }
  await elasticsearch.close();
  await removeUsers(USER);
});

const reindex = (...args: string[]) =>
  runScript('operations/reindex/main.ts', args, {
    TEMPORAL_ADDRESS: stack().temporalAddress,
    TEMPORAL_TASK_QUEUE: platform.taskQueue,
    ELASTICSEARCH_HOST: stack().elasticsearchHost,
    ELASTICSEARCH_INDEX: platform.index,
  });

async function documentsIn(index: string) {
  await elasticsearch.indices.refresh({ index });
  const { hits } = await elasticsearch.search({ index, sort: ['event.sequence'], size: 100 });
  return hits.hits.map(({ _id, _source }) => ({ _id, _source }));
}

test('the index is completed, or built again, from the history; nothing is written twice', async () => {
  const client = await Client.connect(platform, '?progress=false');
  await client.submit(USER, 'raise SystemExit(1)');
  await client.close();
  // Actions are recorded after the verdict: accepted, tested, environment prepared, tested again, finished.
  let recorded: Awaited<ReturnType<typeof documentsIn>> = [];
  while (recorded.length < 5) {
    await wait(200);
    recorded = await documentsIn(platform.index).catch(() => []); // The index may not exist yet.
  }

  expect(JSON.parse((await reindex()).output)).toMatchObject({ stored: 0, known: recorded.length });
  await elasticsearch.delete({ index: platform.index, id: recorded[1]!._id!, refresh: true });
  const completed = await reindex();
  expect(JSON.parse(completed.output)).toMatchObject({ stored: 1, known: recorded.length - 1, rejected: 0 });
  expect(completed.code).toBe(0);
  expect(await documentsIn(platform.index)).toEqual(recorded);

  expect(JSON.parse((await reindex('--index', another)).output)).toMatchObject({ stored: recorded.length });
  expect(await documentsIn(another)).toEqual(recorded);
}, 180_000);

test('output that the history has is written again; the rest is named', async () => {
  const client = await Client.connect(platform, '?progress=false');
  const { submission_id } = await client.submit(USER, "print('x' * 1_000_000)\nraise SystemExit(1)");
  await client.close();
  const output = outputIndexOf(platform.index);
  const bytes = async () => {
    await elasticsearch.indices.refresh({ index: output });
    const { hits } = await elasticsearch.search<{ output: { bytes: number } }>({
      index: output,
      size: 100,
      query: { term: { 'submission.id': submission_id as string } },
    });
    return hits.hits.reduce((sum, { _source }) => sum + (_source?.output.bytes ?? 0), 0);
  };
  for (let tries = 0; (await bytes().catch(() => 0)) < 1_000_001; tries++) {
    if (tries === 60) throw new Error(`Of 1000001 bytes there are ${await bytes()}.`);
    await wait(500);
  }
  expect(JSON.parse((await reindex()).output)).toMatchObject({ output: { stored: 0 }, output_gaps: [] });

  const stored = Object.keys(await elasticsearch.indices.get({ index: output }));
  await elasticsearch.indices.delete({ index: stored });
  const again = await reindex();
  const { output_gaps } = JSON.parse(again.output) as { output_gaps: { missingBytes: number }[] };
  expect(output_gaps).toMatchObject([{ submissionId: submission_id, stream: 'stdout' }]);
  expect(await bytes()).toBe(1_000_001 - output_gaps[0]!.missingBytes);
  expect(again.code).toBe(1);
}, 120_000);

test('a submission that an operator ended is recorded, too', async () => {
  const client = await Client.connect(platform);
  const submission_id = `ended-${randomUUID()}`;
  client.send({ user_id: USER, code: 'input()', submission_id, interactive: true });
  await client.frame(({ stage, state }) => stage === 'run_tests' && state === 'started');
  const connection = await Connection.connect({ address: stack().temporalAddress });
  await new Temporal({ connection }).workflow.getHandle(`submission-${submission_id}`).terminate('test');
  await connection.close();
  await client.close();
  expect(JSON.parse((await reindex()).output)).toMatchObject({ under_way: 0 });
  const recorded = (await documentsIn(platform.index)).map(({ _source }) => _source as StoredAction);
  expect(recorded.filter(({ submission }) => submission.id === submission_id)).toMatchObject([
    { event: { action: 'submission.accepted' } },
    { event: { action: 'stage.run_tests', outcome: 'failure', reason: 'terminated' } },
    { event: { action: 'submission.finished', outcome: 'failure', reason: 'internal_error' } },
  ]);
});

test.each([
  [['--since', 'yesterday'], '--since must be a time of ISO 8601, and is yesterday.'],
  [['--nonsense'], '--nonsense'],
])('%j is not understood', async (args, said) => {
  const { code, output } = await reindex(...args);
  expect(output).toContain(said);
  expect(code).toBe(2);
});

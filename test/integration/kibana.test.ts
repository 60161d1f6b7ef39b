import { Client, type estypes } from '@elastic/elasticsearch';
import { auditIndexOf } from '../../infrastructure/elasticsearch/actionsTemplate';
import { savedObjects } from '../../infrastructure/kibana/objects';
import type { Aggregation, SavedObject } from '../../infrastructure/kibana/savedObject';
import { Client as Gateway } from './client';
import { Users } from './deployed';
import { startForwarder, type Forwarder } from './forwarder';
import { startPlatform, type Platform } from './platform';
import { stack } from './stack';

/** Runs the queries of Kibana's saved objects against the real indices. */

const users = new Users('kibana');
let forwarder: Forwarder;
let platform: Platform;
let client: Client;
let objects: SavedObject[];

beforeAll(async () => {
  forwarder = await startForwarder();
  platform = await startPlatform({ ELASTICSEARCH_LOGS: forwarder.prefix });
  client = new Client({ node: stack().elasticsearchHost });
  const { index } = platform;
  objects = savedObjects({ actions: index, audit: auditIndexOf(index), logs: forwarder.prefix });

  const user = users.another();
  const gateway = await Gateway.connect(platform, '?progress=false');
  await gateway.submit(user, 'raise SystemExit(1)');
  await gateway.submit(user, "print('Hello')");
  await gateway.close();
});

afterAll(async () => {
  await client?.close();
  await platform?.stop();
  await forwarder?.remove();
  await users.remove();
});

/** The nested aggregations of a visualization, as Kibana sends them. */
function nested(aggregations: Aggregation[]): Record<string, estypes.AggregationsAggregationContainer> {
  const metrics = aggregations.filter(({ schema, type }) => schema === 'metric' && type !== 'count');
  const inner = Object.fromEntries(
    metrics.map(({ type, params }, index) => [`metric_${index}`, { [type]: params }]),
  );
  const buckets = aggregations.filter(({ schema }) => schema !== 'metric');
  return buckets.reduceRight<Record<string, estypes.AggregationsAggregationContainer>>(
    (aggs, { type, params }) => {
      const { field, size } = params as { field: string; size?: number };
      const bucket =
        type === 'terms'
          ? { terms: { field, ...(size !== undefined && { size }), order: { _key: 'desc' as const } } }
          : { date_histogram: { field, fixed_interval: '1m' } };
      return { bucket: { ...bucket, aggs } };
    },
    inner,
  );
}

async function found({ attributes, references }: SavedObject): Promise<estypes.SearchResponse> {
  const view = objects.find(({ id }) => id === references[0]!.id)!;
  const { searchSourceJSON } = attributes.kibanaSavedObjectMeta as { searchSourceJSON: string };
  const { query } = (JSON.parse(searchSourceJSON) as { query: { query: string } }).query;
  const { aggs } = JSON.parse((attributes.visState as string | undefined) ?? '{}') as {
    aggs?: Aggregation[];
  };
  const { sort = [] } = attributes as { sort?: [string, 'asc' | 'desc'][] };
  return client.search({
    index: String(view.attributes.title),
    size: aggs ? 0 : 20,
    query: { query_string: { query, lenient: false } },
    ...(aggs && { aggs: nested(aggs) }),
    sort: sort.map(([field, order]) => ({ [field]: { order, unmapped_type: 'long' as const } })),
  });
}

const isEmpty = ({ hits, aggregations }: estypes.SearchResponse) => {
  const buckets = (aggregations?.bucket as { buckets?: unknown[] } | undefined)?.buckets;
  return buckets ? buckets.length === 0 : hits.hits.length === 0;
};

const titles = savedObjects({ actions: 'a', audit: 'b', logs: 'c' })
  .filter(({ type }) => type === 'visualization' || type === 'search')
  .map(({ attributes }) => String(attributes.title));

test.each(titles)('%s: Elasticsearch understands what is asked, and has something to show', async (title) => {
  const object = objects.find(({ attributes }) => attributes.title === title)!;
  const deadline = Date.now() + 60_000;
  // Documents are written after the verdict, and can be searched after a refresh.
  while (isEmpty(await found(object))) {
    if (Date.now() > deadline)
      throw new Error(`nothing for ${title}: ${JSON.stringify(await found(object))}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
});

test('submissions are counted by their status', async () => {
  const byStatus = objects.find(({ attributes }) => attributes.title === 'Submissions by status')!;
  const counted = async () => {
    const { buckets } = (await found(byStatus)).aggregations!.bucket as unknown as {
      buckets: { key: string; doc_count: number }[];
    };
    return buckets.map(({ key, doc_count }) => `${doc_count} ${key}`).sort();
  };
  // Documents are written after the verdict.
  const deadline = Date.now() + 60_000;
  while ((await counted()).length < 2 && Date.now() < deadline)
    await new Promise((resolve) => setTimeout(resolve, 500));
  expect(await counted()).toEqual(['1 deployed', '1 tests_failed']);
});

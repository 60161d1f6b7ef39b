import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { actionsTemplate } from '../../../infrastructure/elasticsearch/actionsTemplate';
import { logsTemplate } from '../../../infrastructure/elasticsearch/logsTemplate';
import { importInto, ndjsonOf } from '../../../infrastructure/kibana/import';
import { savedObjects } from '../../../infrastructure/kibana/objects';
import type { Aggregation, SavedObject } from '../../../infrastructure/kibana/savedObject';
import { fieldsOf } from '../elasticsearch/ecs';

/** Checks what is imported into Kibana. It was not run against a real Kibana, which is not available here. */

const names = {
  actions: 'orchestration-actions',
  audit: 'orchestration-actions-audit',
  logs: 'orchestration-logs',
};
const objects = savedObjects(names);

const FIELDS: Record<string, Record<string, string>> = {
  'orchestration-actions': fieldsOf(
    actionsTemplate('a', { patterns: ['a'], lifecycle: null }).template.mappings.properties,
  ),
  'orchestration-logs': fieldsOf(logsTemplate('l').template.mappings.properties),
};

const json = <Schema extends z.ZodType>(schema: Schema) =>
  z
    .string()
    .transform((text): unknown => JSON.parse(text))
    .pipe(schema);

const searchSource = z.strictObject({
  searchSourceJSON: json(
    z.strictObject({
      query: z.strictObject({ language: z.enum(['lucene', 'kuery']), query: z.string() }),
      filter: z.array(z.unknown()),
      indexRefName: z.string().optional(),
    }),
  ),
});
const common = {
  id: z.string().regex(/^orchestration-[a-z-]+$/),
  coreMigrationVersion: z.string(),
  references: z.array(z.strictObject({ id: z.string(), name: z.string(), type: z.string() })),
};
const schemas = {
  'index-pattern': z.strictObject({
    title: z.string(),
    name: z.string(),
    timeFieldName: z.literal('@timestamp'),
    fieldFormatMap: json(z.record(z.string(), z.looseObject({ id: z.string() }))),
  }),
  visualization: z.strictObject({
    title: z.string(),
    description: z.string(),
    version: z.literal(1),
    uiStateJSON: json(z.object({})),
    kibanaSavedObjectMeta: searchSource,
    visState: json(
      z.looseObject({
        type: z.enum(['pie', 'histogram', 'table', 'horizontal_bar']),
        aggs: z.array(
          z.strictObject({
            id: z.string(),
            enabled: z.literal(true),
            type: z.string(),
            schema: z.enum(['metric', 'segment', 'group', 'bucket']),
            params: z.record(z.string(), z.unknown()),
          }),
        ),
      }),
    ),
  }),
  search: z.strictObject({
    title: z.string(),
    description: z.string(),
    columns: z.array(z.string()),
    sort: z.array(z.tuple([z.string(), z.enum(['asc', 'desc'])])),
    grid: z.object({}),
    hideChart: z.boolean(),
    kibanaSavedObjectMeta: searchSource,
  }),
  dashboard: z.strictObject({
    title: z.string(),
    description: z.string(),
    version: z.literal(1),
    timeRestore: z.boolean(),
    timeFrom: z.string(),
    timeTo: z.string(),
    panelsJSON: json(
      z.array(
        z.strictObject({
          type: z.enum(['visualization', 'search']),
          panelIndex: z.string(),
          panelRefName: z.string(),
          embeddableConfig: z.object({}),
          gridData: z.strictObject({
            ...{ x: z.int().min(0), y: z.int().min(0), w: z.int().max(48), h: z.int(), i: z.string() },
          }),
        }),
      ),
    ),
    optionsJSON: json(z.object({})),
    kibanaSavedObjectMeta: searchSource,
  }),
};

test.each(objects.map((object): [string, SavedObject] => [`${object.type} ${object.id}`, object]))(
  '%s has the form that Kibana exports, and its references lead somewhere',
  (_, object) => {
    z.object(common).parse(object);
    schemas[object.type].parse(object.attributes);
    for (const { id, type } of object.references)
      expect(objects.filter((other) => other.id === id && other.type === type)).toHaveLength(1);
    if (object.type === 'dashboard') {
      const { panelsJSON } = schemas.dashboard.parse(object.attributes);
      expect(panelsJSON.map(({ panelIndex, panelRefName }) => `${panelIndex}:${panelRefName}`)).toEqual(
        object.references.map(({ name }) => name),
      );
    } else if (object.type !== 'index-pattern') {
      expect(object.references.map(({ name }) => name)).toEqual([
        'kibanaSavedObjectMeta.searchSourceJSON.index',
      ]);
    }
  },
);

/** Every field that an object uses in its columns, sorting, aggregations and query. */
function fieldsIn({ attributes }: SavedObject): string[] {
  const { columns = [], sort = [] } = attributes as { columns?: string[]; sort?: [string, string][] };
  const { aggs = [] } = JSON.parse((attributes.visState as string | undefined) ?? '{}') as {
    aggs?: Aggregation[];
  };
  const { searchSourceJSON } = attributes.kibanaSavedObjectMeta as { searchSourceJSON: string };
  const { query } = (JSON.parse(searchSourceJSON) as { query: { query: string } }).query;
  const inQuery = [...query.matchAll(/([\w.@]+):/g)].map(([, name = '']) => name);
  return [
    ...columns,
    ...sort.map(([name]) => name),
    ...aggs.flatMap(({ params: { field } }) => (typeof field === 'string' ? [field] : [])),
    ...inQuery,
  ];
}

test('every field that is shown, sorted by, counted or asked for is indexed', () => {
  const shown = objects.filter(({ type }) => type === 'visualization' || type === 'search');
  expect(shown.flatMap(fieldsIn).length).toBeGreaterThan(40);
  for (const object of shown) {
    const known = FIELDS[object.references[0]!.id]!;
    expect(fieldsIn(object).filter((name) => known[name] === undefined)).toEqual([]);
  }
});

test('the file that Kibana can import by hand is made of the same', () => {
  expect(readFileSync('infrastructure/kibana/orchestration.ndjson', 'utf8')).toBe(ndjsonOf(objects));
});

describe('the import', () => {
  let server: Server;
  let asked: { request: IncomingMessage; body: string }[];
  let answer: { status: number; body: object };

  beforeEach(async () => {
    asked = [];
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        asked.push({ request, body: Buffer.concat(chunks).toString() });
        response.writeHead(answer.status).end(JSON.stringify(answer.body));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  test('sends all objects as a file, in place of those of before', async () => {
    answer = { status: 200, body: { success: true, successCount: objects.length } };
    expect(await importInto({ url: url(), apiKey: 'abc' }, objects)).toBe(objects.length);
    const [{ request, body }] = asked as [{ request: IncomingMessage; body: string }];
    expect([request.method, request.url]).toEqual(['POST', '/api/saved_objects/_import?overwrite=true']);
    expect(request.headers).toMatchObject({ 'kbn-xsrf': 'true', authorization: 'ApiKey abc' });
    expect(request.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(body).toContain('filename="orchestration.ndjson"');
    expect(body).toContain(ndjsonOf(objects));
  });

  test('names what Kibana did not take', async () => {
    const error = { id: 'x', type: 'dashboard', error: { type: 'missing_references' } };
    answer = { status: 200, body: { success: false, successCount: 1, errors: [error] } };
    await expect(importInto({ url: url() }, objects)).rejects.toThrow('dashboard x: missing_references');
    answer = { status: 401, body: { message: 'no' } };
    await expect(importInto({ url: url() }, objects)).rejects.toThrow('answered 401');
  });
});

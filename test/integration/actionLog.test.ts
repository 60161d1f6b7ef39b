import { randomUUID } from 'node:crypto';
import { Client } from '@elastic/elasticsearch';
import { createActionLog } from '../../infrastructure/elasticsearch/actionLog';
import { rejectedIndexOf } from '../../infrastructure/elasticsearch/actionsTemplate';
import { stack } from './stack';

/** The log of actions on a real Elasticsearch. */

let client: Client;
const index = `test-actions-${randomUUID().slice(0, 8)}`;
const rejections = rejectedIndexOf(index);
const document = (id: string, fields: Record<string, unknown> = {}) => ({
  _id: id,
  '@timestamp': '2026-01-02T03:04:05.678Z',
  event: { action: 'stage.run_tests', sequence: 0 },
  submission: { id: 's1' },
  ...fields,
});

beforeAll(() => {
  client = new Client({ node: stack().elasticsearchHost });
});

afterAll(async () => {
  await client.indices.delete({ index: [index, rejections], ignore_unavailable: true });
  for (const name of [index, rejections]) await client.indices.deleteIndexTemplate({ name });
  await client.close();
});

test('a document that is written again is stored once, as it was first', async () => {
  const log = createActionLog({ node: stack().elasticsearchHost, index });
  await log.write([document('w:r:0', { message: 'first' })]);
  await log.write([document('w:r:0', { message: 'second' }), document('w:r:1')]);
  await log.close();

  await client.indices.refresh({ index });
  const { hits } = await client.search<{ message?: string }>({
    index,
    query: { term: { 'submission.id': 's1' } },
    sort: ['_doc'],
  });
  expect(hits.hits.map(({ _id, _source }) => [_id, _source?.message])).toEqual([
    ['w:r:0', 'first'],
    ['w:r:1', undefined],
  ]);
});

test('details of any shape are stored, whatever shape came before', async () => {
  const log = createActionLog({ node: stack().elasticsearchHost, index });
  await log.write([document('w:r:2', { details: { error: 'text' } })]);
  await log.write([document('w:r:3', { details: { error: { line: 1 } } })]);
  await log.close();

  const { _source } = await client.get<{ details: unknown }>({ index, id: 'w:r:3' });
  expect(_source?.details).toEqual({ error: { line: 1 } });
});

test('an Elasticsearch that is away is a failure that may be tried again, and names it', async () => {
  const log = createActionLog({ node: 'http://127.0.0.1:9', index });
  await expect(log.write([document('w:r:4')])).rejects.toMatchObject({
    name: 'Unavailable',
    message: expect.stringContaining('http://127.0.0.1:9') as string,
  });
  await log.close();
});

test('a document that can never be stored is put aside with the reason, once, and holds up no other', async () => {
  const log = createActionLog({ node: stack().elasticsearchHost, index });
  const documents = [document('w:r:5', { '@timestamp': 'yesterday' }), document('w:r:6')];
  expect(await log.write(documents)).toEqual({ stored: 1, known: 0, rejected: 1 });
  expect(await log.write(documents)).toEqual({ stored: 0, known: 1, rejected: 1 });
  await log.close();

  await client.indices.refresh({ index: rejections });
  const { hits } = await client.search<Record<string, unknown>>({ index: rejections });
  expect(hits.hits).toMatchObject([
    {
      _id: 'w:r:5',
      _source: {
        error: {
          type: 'document_parsing_exception',
          message: expect.stringContaining('@timestamp') as string,
        },
        document: expect.stringContaining('"@timestamp":"yesterday"') as string,
      },
    },
  ]);
});

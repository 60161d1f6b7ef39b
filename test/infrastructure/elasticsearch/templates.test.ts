import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { documentsOf } from '../../../activities/actions';
import { createActionLog } from '../../../infrastructure/elasticsearch/actionLog';
import { actionsTemplate, rejectedTemplate } from '../../../infrastructure/elasticsearch/actionsTemplate';
import { logsTemplate } from '../../../infrastructure/elasticsearch/logsTemplate';
import { operatorDocument } from '../../../operations/actionDocument';
import { faultsOfDocument, faultsOfMapping } from './ecs';

const actions = actionsTemplate('actions', { patterns: ['actions'], lifecycle: null });
const { properties } = actions.template.mappings;

test.each([
  ['actions', properties],
  ['rejected documents', rejectedTemplate('r').template.mappings.properties],
  ['lines of pods', logsTemplate('l').template.mappings.properties],
])('fields of %s have the names and types of the Elastic Common Schema', (_, mapped) => {
  expect(faultsOfMapping(mapped)).toEqual([]);
});

test('a field that the schema has otherwise is found', () => {
  expect(
    faultsOfMapping({ event: { properties: { duration: { type: 'keyword' }, other: { type: 'long' } } } }),
  ).toEqual(['event.duration is keyword, and long in the schema', 'event.other is not in the schema']);
});

const provenance = {
  ...{ userId: 'ada', submissionId: 's1', workflowId: 'submission-s1', runId: 'r1' },
  ...{ codeDigest: 'd1', keyId: 'k1' },
};
const names = [
  ...['submission.accepted', 'submission.cancel_requested', 'submission.finished'],
  ...[
    'prepare_environment',
    'prepare_test_database',
    'run_tests',
    'drop_test_database',
    'apply_database',
  ].map((stage) => `stage.${stage}`),
  ...['migrate', 'apply_program', 'await_rollout', 'roll_back', 'await_turn'].map(
    (stage) => `stage.${stage}`,
  ),
  ...['live', 'rollback', 'stop', 'delete_production', 'delete_environment'].flatMap((name) => [
    `${name}.requested`,
    `${name}.finished`,
  ]),
];

test.each(names)('the document of %s is one of the schema, and its fields are indexed', (name) => {
  const outcome = 'success' as const;
  const trail = { provenance, namespace: 'user-ada', actions: [{ name, outcome, startedAt: 1, endedAt: 2 }] };
  const [document] = documentsOf({ ...trail, traceId: '0'.repeat(32) });
  expect(faultsOfDocument(document!, properties)).toEqual([]);
});

test.each([
  ['key.created', { category: ['iam'], type: ['creation'] }],
  ['restore', { category: ['database'], type: ['change'] }],
])('so is that of %s by an operator', (action, kind) => {
  const document = operatorDocument({
    ...{ action, outcome: 'success', kind, message: action, startedAt: new Date() },
    ...{ about: { key: { id: 'k1' } }, details: {} },
  });
  expect(faultsOfDocument(document, properties)).toEqual([]);
});

describe('on a server with lifecycles', () => {
  let server: Server;
  let asked: { method: string; path: string; body: string }[];
  /** Whether an index, and not an alias, has this name. */
  let isTaken: boolean;

  beforeEach(async () => {
    asked = [];
    isTaken = false;
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '' } = request;
        const [path = ''] = url.split('?', 1);
        asked.push({ method, path, body: Buffer.concat(chunks).toString() });
        const isMissing = method === 'HEAD' && (path.startsWith('/_alias') || !isTaken);
        response.setHeader('X-Elastic-Product', 'Elasticsearch');
        response.setHeader('Content-Type', 'application/vnd.elasticsearch+json; compatible-with=8');
        response.statusCode = isMissing ? 404 : 200;
        const items = [{ create: { status: 201 } }, { create: { status: 201 } }];
        response.end(method === 'HEAD' ? undefined : JSON.stringify(path === '/_bulk' ? { items } : {}));
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  async function written(): Promise<string> {
    const said: string[] = [];
    const { port } = server.address() as AddressInfo;
    const node = `http://127.0.0.1:${port}`;
    const log = createActionLog({
      node,
      index: 'actions',
      retentionDays: 30,
      say: (text) => said.push(text),
    });
    await log.write([
      { _id: '1', '@timestamp': '2026-01-31T23:59:59Z' },
      { _id: '2', '@timestamp': '2026-02-01T00:00:00Z' },
    ]);
    await log.close();
    return said.join();
  }

  const bodyOf = (path: string) => asked.find((each) => each.path === path)?.body ?? '';

  test('there is an index for each month, which goes in its time', async () => {
    expect(await written()).toContain('30 days');
    expect(JSON.parse(bodyOf('/_ilm/policy/actions'))).toMatchObject({
      policy: { phases: { delete: { min_age: '30d' } } },
    });
    expect(JSON.parse(bodyOf('/_index_template/actions'))).toMatchObject({
      index_patterns: ['actions-2*'],
      template: { settings: { 'index.lifecycle.name': 'actions' }, aliases: { actions: {} } },
    });
    const [first, , second] = bodyOf('/_bulk').split('\n').filter(Boolean);
    expect([first, second].map((line) => JSON.parse(line!) as unknown)).toEqual([
      { create: { _index: 'actions-2026.01', _id: '1' } },
      { create: { _index: 'actions-2026.02', _id: '2' } },
    ]);
  });

  test('an index that is there already is used on', async () => {
    isTaken = true;
    expect(await written()).toContain('there is an index of that name');
    expect(bodyOf('/_bulk')).toContain('{"_index":"actions","_id":"1"}');
    expect(bodyOf('/_ilm/policy/actions')).toBe('');
  });
});

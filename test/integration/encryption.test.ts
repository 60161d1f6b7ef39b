import { randomBytes } from 'node:crypto';
import { Client as Temporal, Connection } from '@temporalio/client';
import { actionsOf } from './actions';
import { Client } from './client';
import { submit, Users } from './deployed';
import { sharedPlatform, startPlatform, type Platform } from './platform';
import { runScript } from './script';
import { stack } from './stack';

/** With PAYLOAD_KEYS, Temporal cannot read programs, and everything that reads histories still works. */

const users = new Users('encryption');
const user = users.another();

const newKey = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;
const [first, second] = [newKey('first'), newKey('second')];
let platform: Platform;
let connection: Connection;

beforeAll(async () => {
  // Creates the user's environment, so that later submissions always have the same actions.
  await submit(sharedPlatform(), user, 'raise SystemExit(1)');
  platform = await startPlatform({ PAYLOAD_KEYS: first });
  connection = await Connection.connect({ address: stack().temporalAddress });
});

afterAll(async () => {
  await connection?.close();
  await platform?.stop();
  await users.remove();
});

const code = "import time\nprint('a secret word')\ntime.sleep(0.5)\nraise SystemExit(3)";

test('a submission is encrypted, followed, replayed and reindexed, and by gateways with a newer key, too', async () => {
  const client = await Client.connect(platform);
  const final = await client.submit(user, code);
  expect(final).toMatchObject({ status: 'tests_failed', exit_code: 3 });
  const output = client.frames.filter(({ type }) => type === 'output').map(({ text }) => text);
  expect(output.join('')).toBe('a secret word\n');
  await client.close();
  const { submission_id, workflow_id } = final as Record<string, string>;

  const temporal = new Temporal({ connection });
  const { events } = await temporal.workflow.getHandle(workflow_id!).fetchHistory();
  const kept = JSON.stringify(events, readable);
  expect(kept.includes('binary/encrypted')).toBe(true);
  expect(kept.includes('secret word')).toBe(false);

  const newer = await platform.startGateway({ PAYLOAD_KEYS: `${second},${first}` });
  const other = await Client.connect({ url: newer, apiKey: platform.apiKey });
  other.send({ type: 'resume', submission_id });
  expect(await other.frame((frame) => 'status' in frame)).toMatchObject({ ...final });
  await other.close();

  await recorded(submission_id!);
  const environment = {
    TEMPORAL_ADDRESS: stack().temporalAddress,
    TEMPORAL_TASK_QUEUE: platform.taskQueue,
    ELASTICSEARCH_HOST: stack().elasticsearchHost,
    ELASTICSEARCH_INDEX: platform.index,
  };
  const replay = ['operations/replay/main.ts', ['--workflow-id', workflow_id!]] as const;
  const keys = { PAYLOAD_KEYS: first };
  expect(await runScript(replay[0], [...replay[1]], { ...environment, ...keys })).toMatchObject({ code: 0 });
  const without = await runScript(replay[0], [...replay[1]], environment);
  expect(without.code).toBe(1);
  const reindexed = await runScript('operations/reindex/main.ts', [], { ...environment, ...keys });
  expect(reindexed.code).toBe(0);
  expect(JSON.parse(reindexed.output)).toMatchObject({ workflows: 1, stored: 0, known: 3 });
});

/** JSON contains bytes as base64: decodes them, so that unencrypted text would be visible. */
function readable(key: string, value: unknown): unknown {
  const isBytes = typeof value === 'string' && ['data', 'encoding'].includes(key);
  return isBytes ? Buffer.from(value, 'base64').toString('latin1') : value;
}

/** Waits until the actions of a submission are stored; the test's timeout limits the wait. */
async function recorded(submissionId: string): Promise<void> {
  expect(await actionsOf(platform, submissionId)).not.toEqual([]);
}

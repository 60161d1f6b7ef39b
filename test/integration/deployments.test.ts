import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { Client, type Frame } from './client';
import { kubectl, namesOf, podsOf } from './kubectl';
import { startPlatform, type Platform } from './platform';

/**
 * Deployments from the frame to the pod, when much happens at once and when things die. After each, what is
 * live answers, nothing else is left, and the row that was written before is there.
 */

let platform: Platform;
const users: string[] = [];

beforeAll(async () => {
  platform = await startPlatform();
});

afterAll(async () => {
  await platform?.stop();
  for (const user of users)
    await kubectl('delete', 'namespace', `user-${user}`, '--wait=false', '--ignore-not-found');
});

function newUser(): string {
  const user = `dep-${randomBytes(4).toString('hex')}`;
  users.push(user);
  return user;
}

/** A program that serves its answer, and keeps it as a row where it has a database. */
const server = (answer: string) => `
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

if os.environ.get("DATABASE_URL"):
    import psycopg2
    with psycopg2.connect(os.environ["DATABASE_URL"]) as db, db.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS answers (answer text)")
        cursor.execute("INSERT INTO answers VALUES ('${answer}')")

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"${answer}")

ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
`;

/** Passes its tests, where there is no database, and fails in production. */
const failsInProduction = `
import os
raise SystemExit(3 if os.environ.get("DATABASE_URL") else 0)
`;

async function submit(user: string, code: string, submission_id: string = randomUUID()): Promise<Frame> {
  const client = await Client.connect(platform, '?progress=false');
  client.send({ user_id: user, code, submission_id });
  const final = await client.frame((frame) => 'status' in frame || frame.type === 'error');
  await client.close();
  return final;
}

/** Ends when a stage of the submission has begun; the final frame is still to come. */
async function submitted(user: string, code: string, stage: string) {
  const client = await Client.connect(platform);
  client.send({ user_id: user, code });
  await client.frame((frame) => frame.stage === stage && frame.state === 'started');
  return {
    async final(): Promise<Frame> {
      const final = await client.frame((frame) => 'status' in frame);
      await client.close();
      return final;
    },
  };
}

const addressOf = async (user: string) =>
  `http://${await kubectl('get', 'service', `${user}-prod`, '-n', `user-${user}`, '-o', 'jsonpath={.spec.clusterIP}')}`;

const answerOf = async (user: string) => {
  const response = await fetch(await addressOf(user), { signal: AbortSignal.timeout(10_000) });
  return response.text();
};

const rowsOf = async (user: string) => {
  const select = 'SELECT DISTINCT answer FROM answers ORDER BY answer';
  const target = ['-n', `user-${user}`, `${user}-prod-db-0`];
  const rows = await kubectl('exec', ...target, '--', 'psql', '-tAq', 'app', '-c', select);
  return rows.trim().split('\n');
};

/** One program, one database, one test pod: nothing of what went on before is left. */
async function expectNothingElse(user: string): Promise<void> {
  const names = namesOf(await podsOf(`user-${user}`));
  expect(names).toEqual([`${user}-prod-*`, `${user}-prod-db-0`, `${user}-test`]);
}

test('a serving program is replaced while requests come in, and none of them fails', async () => {
  const user = newUser();
  expect(await submit(user, server('one'))).toMatchObject({ status: 'deployed' });
  const address = await addressOf(user);
  const answers = new Map<string, number>();
  const over = new AbortController();
  // A connection each, as from many clients: one that is kept open would never meet the new pod.
  const requests = [1, 2, 3, 4].map(async () => {
    while (!over.signal.aborted) {
      const response = await fetch(address, { headers: { connection: 'close' } });
      const answer = response.ok ? await response.text() : `status ${response.status}`;
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  });
  expect(await submit(user, server('two'))).toMatchObject({ status: 'deployed' });
  await wait(3_000); // The old pod stops serving within this time.
  over.abort();
  await Promise.all(requests);
  console.log(`requests during the deploy: ${JSON.stringify(Object.fromEntries(answers))}`);
  expect([...answers.keys()].sort()).toEqual(['one', 'two']);
  expect(await answerOf(user)).toBe('two');
  expect(await rowsOf(user)).toEqual(['one', 'two']);
  await expectNothingElse(user);
});

test('ten good submissions of one user at once: the last accepted is live, the others say what replaced them', async () => {
  const user = newUser();
  await submit(user, server('before'));
  const client = await Client.connect(platform, '?progress=false');
  const ids = Array.from({ length: 10 }, (_, index) => `${user}-${index}-${randomUUID().slice(0, 8)}`);
  for (const [index, submission_id] of ids.entries())
    client.send({ user_id: user, code: server(`number ${index}`), submission_id });
  const finals: Frame[] = [];
  for (const id of ids)
    finals.push(await client.frame((frame) => 'status' in frame && frame.submission_id === id));
  await client.close();
  const statuses = finals.map(({ status }) => String(status));
  console.log(`ten at once: ${statuses.join(' ')}`);
  expect(statuses.at(-1)).toBe('deployed');
  for (const status of statuses) expect(['deployed', 'superseded']).toContain(status);
  expect(await answerOf(user)).toBe('number 9');
  expect(await rowsOf(user)).toEqual(expect.arrayContaining(['before', 'number 9']));
  await expectNothingElse(user);
});

test('the same submission sent twice at once is carried out once', async () => {
  const user = newUser();
  const id = randomUUID();
  const [one, other] = await Promise.all([1, 2].map(() => submit(user, server('once'), id)));
  expect(one).toMatchObject({ status: 'deployed' });
  expect(other).toEqual(one);
  expect(await answerOf(user)).toBe('once');
  await expectNothingElse(user);
});

test('a worker that is killed in the middle of a rollout and of a way back is replaced by another', async () => {
  const user = newUser();
  const first = await submitted(user, server('survived'), 'await_rollout');
  await platform.worker.stop('SIGKILL');
  const second = await platform.startWorker();
  expect(await first.final()).toMatchObject({ status: 'deployed' });

  const failing = await submitted(user, failsInProduction, 'roll_back');
  await second.stop('SIGKILL');
  await platform.startWorker();
  const final = await failing.final();
  expect(final).toMatchObject({ status: 'deploy_failed', reason: 'crash_loop' });
  expect(final.live).not.toBeNull();
  expect(await answerOf(user)).toBe('survived');
  expect(await rowsOf(user)).toEqual(['survived']);
  await expectNothingElse(user);
});

test('a server that dies after 20 s was deployed, is started again, and is replaced by the next one', async () => {
  const user = newUser();
  const dying = `import os, threading\nif os.environ.get("DATABASE_URL"): threading.Timer(20, os._exit, [9]).start()\n`;
  expect(await submit(user, dying + server('dies'))).toMatchObject({ status: 'deployed' });
  await kubectl(
    ...['wait', 'pod', '-n', `user-${user}`, '-l', 'component=program', '--timeout=60s'],
    '--for=jsonpath={.status.containerStatuses[0].restartCount}=1',
  );
  await kubectl('wait', 'pod', '-n', `user-${user}`, '-l', 'component=program', '--for=condition=Ready');
  expect(await answerOf(user)).toBe('dies');
  expect(await submit(user, server('lives'))).toMatchObject({ status: 'deployed' });
  expect(await answerOf(user)).toBe('lives');
  expect(await rowsOf(user)).toEqual(['dies', 'lives']);
  await expectNothingElse(user);
});

test('twenty new users at once are all served, and none waits for another', async () => {
  const many = Array.from({ length: 20 }, newUser);
  const startedAt = Date.now();
  const finals = await Promise.all(many.map((user) => submit(user, server(user))));
  console.log(`twenty new users at once: ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
  for (const final of finals) expect(final).toMatchObject({ status: 'deployed' });
  for (const user of many) {
    expect(await answerOf(user)).toBe(user);
    await expectNothingElse(user);
  }
}, 300_000);

import { randomBytes, randomUUID } from 'node:crypto';
import { Client, type Frame } from './client';
import { kubectl, podsOf, removeUsers } from './kubectl';
import type { SharedPlatform } from './platform';

/**
 * Shared by tests of complete deployments: programs, functions that submit them, and checks of what is live.
 */

/** A program that serves its answer, and stores it as a row if it has a database. */
export const server = (answer: string) => `
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

/** Passes its tests, which have no database, and fails in production. */
export const failsInProduction = `
import os
raise SystemExit(3 if os.environ.get("DATABASE_URL") else 0)
`;

/** Users of one test file, whose namespaces are deleted at its end. */
export class Users {
  private readonly ids: string[] = [];

  constructor(private readonly prefix: string) {}

  another(): string {
    const id = `${this.prefix}-${randomBytes(4).toString('hex')}`;
    this.ids.push(id);
    return id;
  }

  async remove(): Promise<void> {
    if (this.ids.length > 0) await removeUsers(...this.ids);
  }
}

/** Submits once, and waits for the final frame. */
export async function submit(
  platform: SharedPlatform,
  user: string,
  code: string,
  submission_id: string = randomUUID(),
): Promise<Frame> {
  const client = await Client.connect(platform, '?progress=false');
  client.send({ user_id: user, code, submission_id });
  const final = await client.frame((frame) => 'status' in frame || frame.type === 'error');
  await client.close();
  return final;
}

/** Resolves when a stage of the submission has started, before its final frame. */
export async function submitted(platform: SharedPlatform, user: string, code: string, stage: string) {
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

export const addressOf = async (user: string) =>
  `http://${await kubectl('get', 'service', `${user}-prod`, '-n', `user-${user}`, '-o', 'jsonpath={.spec.clusterIP}')}`;

export const answerOf = async (user: string) => {
  const response = await fetch(await addressOf(user), { signal: AbortSignal.timeout(10_000) });
  return response.text();
};

export const rowsOf = async (user: string) => {
  const select = 'SELECT DISTINCT answer FROM answers ORDER BY answer';
  const target = ['-n', `user-${user}`, `${user}-prod-db-0`];
  const rows = await kubectl('exec', ...target, '--', 'psql', '-tAq', 'app', '-c', select);
  return rows.trim().split('\n');
};

/** Expects exactly one program, one database and one test pod: nothing earlier is left. */
export async function expectNothingElse(user: string): Promise<void> {
  const pods = await podsOf(`user-${user}`);
  // By component: the hash in a program's name may sort before or after `db`.
  const named = pods.map(({ metadata: { name, labels } }) => [labels.component ?? labels.app, name]);
  expect(Object.fromEntries(named)).toEqual({
    program: expect.stringMatching(new RegExp(`^${user}-prod-[0-9a-z]+-\\w{5}$`)) as string,
    db: `${user}-prod-db-0`,
    test: `${user}-test`,
  });
  expect(pods).toHaveLength(3);
}

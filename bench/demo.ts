/**
 * The original's test script: sends broken code, then working code, and prints both answers.
 * Exits with 1 when an answer is not the expected one.
 */
import { existsSync, readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { readSettings, statePaths } from '../local-stack/settings';

const USER = 'test';

const SUBMISSIONS = [
  { name: 'Bad code', code: "print('broken'", expected: 'tests_failed' },
  { name: 'Good code', code: "print('Hello')", expected: 'deployed' },
] as const;

interface Answer {
  status?: string;
  namespace?: string;
  submission_id?: string;
  workflow_id?: string;
  reason?: string;
  message?: string;
}

async function main(): Promise<void> {
  const gateway = process.env.ORCHESTRATION_URL || 'ws://localhost:8000';
  const key = apiKey();
  const answers: Answer[] = [];
  for (const { name, code, expected } of SUBMISSIONS) {
    const answer = await submit(new URL('/ws/code?progress=false', gateway), key, code);
    console.log(`${name} response: ${asOriginal(answer)}`);
    if (answer.status !== expected) {
      console.error(
        `Expected "${expected}": ${answer.reason ?? 'error'}: ${answer.message ?? 'no reason was given'}`,
      );
      process.exitCode = 1;
    }
    answers.push(answer);
  }
  console.log(whereToLook(answers.at(-1)));
}

/** The key from the environment, or the one that `npm start` generated. */
function apiKey(): string {
  if (process.env.API_KEY) return process.env.API_KEY;
  const { apiKey: path } = statePaths(readSettings());
  if (!existsSync(path))
    throw new Error(`API_KEY is not set, and "npm start" left no key in ${path}: see .env.example.`);
  return readFileSync(path, 'utf8').trim();
}

/** Sends one submission on its own connection; resolves with the only frame that is sent back. */
function submit(url: URL, key: string, code: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers: { 'X-API-Key': key } });
    socket.once('open', () => socket.send(JSON.stringify({ user_id: USER, code })));
    socket.once('message', (data) => {
      resolve(JSON.parse((data as Buffer).toString('utf8')) as Answer);
      socket.close();
    });
    socket.once('error', (error) =>
      reject(
        new Error(`The gateway at ${url.origin} cannot be used: ${error.message}. Is "npm start" running?`),
      ),
    );
    socket.once('close', (closeCode, reason) =>
      reject(
        new Error(`The gateway closed the connection without an answer: ${closeCode} ${reason.toString()}`),
      ),
    );
  });
}

/** The two fields of the original's answer, formatted as Python prints them. */
function asOriginal({ status, namespace }: Answer): string {
  return `{"status": ${JSON.stringify(status ?? null)}, "namespace": ${JSON.stringify(namespace ?? null)}}`;
}

function whereToLook(answer: Answer | undefined): string {
  const elasticsearch = process.env.ELASTICSEARCH_HOST || 'http://127.0.0.1:9200';
  const index = process.env.ELASTICSEARCH_INDEX || 'orchestration-actions';
  const temporal = process.env.TEMPORAL_UI_URL || 'http://localhost:8233';
  const namespace = process.env.TEMPORAL_NAMESPACE || 'default';
  return `
Where to look:
  Every step:         ${temporal}/namespaces/${namespace}/workflows/${answer?.workflow_id ?? ''}
  The pods:           npm run kubectl -- get pods -n user-${USER}
  The test output:    npm run kubectl -- logs ${USER}-test -n user-${USER}
  Production output:  npm run kubectl -- logs -l app=prod -n user-${USER}
  What was recorded:  curl -s '${elasticsearch}/${index}/_search?q=submission.id:%22${answer?.submission_id ?? ''}%22&sort=event.sequence&pretty'`;
}

void main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

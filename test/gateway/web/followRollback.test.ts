import { operationIdOf } from '../../../workflows/contract';
import { rollBack } from '../../../gateway/web/src/followRollback';

/** A rollback from the page, with a gateway whose answers the test gives. */

const OPERATION = operationIdOf('o1');

const program = (submission_id: string, workflow_id = `submission-${submission_id}`) => ({
  submission_id,
  workflow_id,
  run_id: `run of ${workflow_id}`,
});
type Program = ReturnType<typeof program> | null;
const production = (live: Program, rolling_out: Program = null) => ({ live, rolling_out });

const previous = program('second');
const rolledBack = program('first', OPERATION);

let requests: string[];

beforeEach(() => {
  jest.useFakeTimers();
  requests = [];
});

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

/** The gateway answers the rollback, and then each poll; the last answer is repeated. Null: it does not answer. */
function answers(rollback: object, polls: (object | null)[] = []): void {
  const remaining = [...polls];
  jest.spyOn(global, 'fetch').mockImplementation((path, init) => {
    requests.push(`${init?.method} ${path as string}`);
    const isPoll = init?.method === 'GET';
    const body = isPoll ? (remaining.length > 1 ? remaining.shift() : remaining[0]) : rollback;
    return body ? Promise.resolve(Response.json(body)) : Promise.reject(new Error('fetch failed'));
  });
}

const running = { operation_id: 'o1', status: 'running', message: 'Still in progress.' };

/** Rolls back to the submission `first`, and lets time pass until the end. */
async function rollBackToEnd(signal = new AbortController().signal): Promise<string> {
  let message: string | null = null;
  const result = rollBack('ada', 'first', signal).finally(() => (message = ''));
  result.catch(() => undefined);
  while (message === null) await jest.advanceTimersByTimeAsync(1_000);
  return result;
}

test.each([
  [{ ...running, status: 'done', message: 'It is live already.' }, 'Rolled back. It is live already.'],
  [
    { ...running, status: 'superseded', message: 'A later one took its place.' },
    'A later one took its place.',
  ],
])('an answer with the end, %j, is shown, and production is not polled', async (answer, message) => {
  answers(answer);
  expect(await rollBackToEnd()).toBe(message);
  expect(requests).toEqual(['POST /api/users/ada/rollback']);
});

test('a rollback that is still in progress is followed until its program is live, and requested once', async () => {
  answers(running, [production(previous), null, production(previous, rolledBack), production(rolledBack)]);
  expect(await rollBackToEnd()).toMatch(/^Rolled back\./);
  const polls = Array<string>(4).fill('GET /api/users/ada/live');
  expect(requests).toEqual(['POST /api/users/ada/rollback', ...polls]);
});

test('a rollback whose rollout ended without success has failed, whatever was restored', async () => {
  answers(running, [production(previous, rolledBack), production(previous)]);
  expect(await rollBackToEnd()).toMatch(/^Rollback failed/);
  answers(running, [production(previous, rolledBack), production(null)]);
  expect(await rollBackToEnd()).toMatch(/^Rollback failed/);
  answers(running, [production(previous), production(program('second', OPERATION))]);
  expect(await rollBackToEnd()).toMatch(/^Rollback failed/);
});

test('a submission that is live while another change is in progress has not been rolled back to yet', async () => {
  const first = program('first');
  const third = program('third');
  answers(running, [production(first), production(first, third), production(third), production(rolledBack)]);
  expect(await rollBackToEnd()).toMatch(/^Rolled back\./);
  expect(requests).toHaveLength(5);
});

test('a submission that another rollback made live has been rolled back to', async () => {
  const other = program('first', operationIdOf('o0'));
  answers(running, [production(previous, other), production(other)]);
  expect(await rollBackToEnd()).toMatch(/^Rolled back\./);
});

test('a rollback that never starts is followed until 15 minutes after the last rollout', async () => {
  const third = program('third');
  answers(running, [...Array<object>(60).fill(production(previous, third)), production(third)]);
  const startedAt = Date.now();
  expect(await rollBackToEnd()).toMatch(/^No rollout has started for 15 minutes/);
  expect(Date.now() - startedAt).toBeGreaterThan(16 * 60_000 - 2_000);
  expect(Date.now() - startedAt).toBeLessThan(16 * 60_000 + 5_000);
});

test('a rollback is no longer followed when its submission is closed', async () => {
  answers(running, [production(previous)]);
  const closed = new AbortController();
  const followed = rollBackToEnd(closed.signal);
  followed.catch(() => undefined);
  setTimeout(() => closed.abort(), 3_500);
  await expect(followed).rejects.toThrow('aborted');
  expect(requests).toHaveLength(5);
});

import { rollBack } from '../../../gateway/web/src/followRollback';

/** A rollback from the page, with a gateway whose answers the test gives. */

let requests: string[];

beforeEach(() => {
  jest.useFakeTimers();
  requests = [];
});

afterEach(() => {
  jest.useRealTimers();
  jest.restoreAllMocks();
});

/** The gateway gives one of these answers to each request, with status 200 or the given one. Null: it cannot be reached. */
function answers(...each: ({ httpStatus?: number; [field: string]: unknown } | null)[]): void {
  jest.spyOn(global, 'fetch').mockImplementation((path, init) => {
    requests.push(`${init?.method} ${path as string}`);
    const answer = each.shift();
    if (!answer) return Promise.reject(new Error('fetch failed'));
    const { httpStatus = 200, ...body } = answer;
    return Promise.resolve(Response.json(body, { status: httpStatus }));
  });
}

const running = { operation_id: 'o1', status: 'running', message: 'Still in progress.' };
const POST = 'POST /api/users/ada/rollback';
const GET = 'GET /api/users/ada/operations/o1';

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
])('an answer with the end, %j, is shown', async (answer, message) => {
  answers(answer);
  expect(await rollBackToEnd()).toBe(message);
  expect(requests).toEqual([POST]);
});

test('a rollback that is still in progress is followed to its end, and requested once', async () => {
  const unavailable = { httpStatus: 503, message: 'the platform does not answer' };
  answers(running, running, null, unavailable, { ...running, status: 'done', message: 'It is live.' });
  expect(await rollBackToEnd()).toBe('Rolled back. It is live.');
  expect(requests).toEqual([POST, GET, GET, GET, GET]);
});

test('a rollback that is refused while it is followed says why', async () => {
  answers(running, { httpStatus: 409, message: 'the submission was never live' });
  await expect(rollBackToEnd()).rejects.toThrow('the submission was never live');
});

test('a rollback is no longer followed when its submission is closed', async () => {
  answers(running, running, null);
  const closed = new AbortController();
  const followed = rollBackToEnd(closed.signal);
  followed.catch(() => undefined);
  setTimeout(() => closed.abort(), 500);
  await expect(followed).rejects.toThrow('aborted');
  expect(requests).toEqual([POST, GET, GET]);
});

import {
  answerOf,
  expectNothingElse,
  failsInProduction,
  rowsOf,
  server,
  submit,
  submitted,
  Users,
} from '../integration/deployed';
import { startPlatform, type Platform } from '../integration/platform';
import { killServer } from './servers';

/** The API server of Kubernetes dies during a rollout and a rollback, and is restarted. */

const users = new Users('api');
let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
});

afterAll(async () => {
  await platform?.stop();
  await users.remove();
});

/** Slow enough for the API server to die during the rollout; the program is ready when it listens. */
const slowly = 'import os, time\nif os.environ.get("DATABASE_URL"): time.sleep(4)\n';

test('an API server that dies in the middle of a rollout and of a way back delays both, and no more', async () => {
  const user = users.another();
  const before = await submit(platform, user, server('before'));
  expect(before).toMatchObject({ status: 'deployed' });

  const rollingOut = await submitted(platform, user, slowly + server('after'), 'await_rollout');
  await killServer('kube-apiserver');
  const after = await rollingOut.final();
  expect(after).toMatchObject({ status: 'deployed' });
  expect(await answerOf(user)).toBe('after');
  expect(await rowsOf(user)).toEqual(['after', 'before']);
  await expectNothingElse(user);

  const rollingBack = await submitted(platform, user, failsInProduction, 'roll_back');
  await killServer('kube-apiserver');
  expect(await rollingBack.final()).toMatchObject({
    status: 'deploy_failed',
    reason: 'crash_loop',
    live: { submission_id: after.submission_id },
  });
  expect(await answerOf(user)).toBe('after');
  expect(await rowsOf(user)).toEqual(['after', 'before']);
  await expectNothingElse(user);
}, 300_000);

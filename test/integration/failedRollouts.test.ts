import type { Frame } from './client';
import {
  answerOf,
  expectNothingElse,
  failsInProduction,
  rowsOf,
  server,
  submit,
  submitted,
  Users,
} from './deployed';
import { kubectl } from './kubectl';
import { withPermittedImage } from './permittedImages';
import { sharedPlatform, startPlatform } from './platform';

/**
 * Failing rollouts, from the frame to the verdict. The verdict names the reason, with events from Kubernetes.
 * The previous program is live, with its row. A permanent failure ends the rollout long before its timeout.
 */

const users = new Users('fail');
const user = users.another();
const platform = sharedPlatform();
let good: Frame;

beforeAll(async () => {
  good = await submit(platform, user, server('good'));
  expect(good).toMatchObject({ status: 'deployed', rollout: { outcome: 'live', events: [] } });
});

afterAll(async () => {
  await users.remove();
});

/** Submits to a worker with these settings, and checks what all failed rollouts have in common. */
async function failedRollout(code: string, settings?: Record<string, string>): Promise<Frame> {
  const other = settings && (await startPlatform(settings));
  try {
    const final = await submit(other ?? platform, user, code);
    const { submission_id, live } = good as { submission_id: string; live: { code_digest: string } };
    expect(final).toMatchObject({
      status: 'deploy_failed',
      live: { submission_id, code_digest: live.code_digest },
      rollout: { outcome: 'failed' },
    });
    return final;
  } finally {
    await other?.stop();
  }
}

afterEach(async () => {
  expect(await answerOf(user)).toBe('good');
  expect(await rowsOf(user)).toEqual(['good']);
  await expectNothingElse(user);
});

/** Serves on all addresses when tested, but in production only on loopback. */
const lonely = `
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

host = "127.0.0.1" if os.environ.get("DATABASE_URL") else ""
HTTPServer((host, int(os.environ["PORT"])), BaseHTTPRequestHandler).serve_forever()
`;

/** Default timeout of a rollout, in seconds. */
const ROLLOUT_SECONDS = 120;

const rolloutSeconds = ({ durations_ms }: Frame) =>
  (durations_ms as Record<string, number>).await_rollout! / 1000;

const eventsOf = ({ rollout }: Frame) => (rollout as { events: string[] }).events.join('\n');

test('a program that crashes at once', async () => {
  const final = await failedRollout(failsInProduction.replace('raise', 'print("oh no")\nraise'));
  expect(final).toMatchObject({
    reason: 'crash_loop',
    rollout: { output: expect.stringContaining('oh no') as string },
  });
  expect(final.message).toContain('exit code 3');
  expect(eventsOf(final)).toContain('BackOff');
  expect(rolloutSeconds(final)).toBeLessThan(ROLLOUT_SECONDS / 2);
});

test('a program that only its own pod can reach is never ready', async () => {
  const final = await failedRollout(lonely, { ROLLOUT_SECONDS: '8' });
  expect(final).toMatchObject({ reason: 'deadline_exceeded' });
  expect(final.message).toContain('not ready within 8 s of its start');
  expect((final.rollout as { output: string }).output).toContain('listen on 0.0.0.0');
});

test('an image that is missing', async () => {
  const image = 'docker.io/orchestration-app/there-is-none:1';
  const final = await withPermittedImage(image, () =>
    failedRollout(server('no image'), { PROGRAM_IMAGE: image }),
  );
  expect(final).toMatchObject({ reason: 'image_error' });
  expect(final.message).toContain('there-is-none:1');
  expect(eventsOf(final)).toContain('Failed to pull image');
  expect(rolloutSeconds(final)).toBeLessThan(ROLLOUT_SECONDS / 2);
});

test('an image that is not permitted', async () => {
  const final = await failedRollout(server('no permission'), { PROGRAM_IMAGE: 'evil:1' });
  expect(final).toMatchObject({ reason: 'rejected_by_cluster' });
  expect(final.message).toContain('evil:1 is not');
  expect(rolloutSeconds(final)).toBeLessThan(ROLLOUT_SECONDS / 2);
});

test('a quota that is exceeded', async () => {
  // The quota only has room for the test pod, the database and the live program.
  const namespace = `user-${user}`;
  await kubectl('create', 'quota', 'tight', '-n', namespace, '--hard=pods=3');
  try {
    const final = await failedRollout(server('no room'));
    expect(final).toMatchObject({ reason: 'quota' });
    expect(final.message).toContain('exceeded quota: tight');
    expect(eventsOf(final)).toContain('FailedCreate');
    expect(rolloutSeconds(final)).toBeLessThan(ROLLOUT_SECONDS / 2);
  } finally {
    await kubectl('delete', 'quota', 'tight', '-n', namespace);
  }
});

test('what was live before comes back when all that it needs was taken away in the middle of a rollout', async () => {
  const bereft = users.another();
  const namespace = ['-n', `user-${bereft}`];
  const { submission_id } = await submit(platform, bereft, server('back'));
  const failing = await submitted(platform, bereft, lonely, 'await_rollout');
  await kubectl('delete', 'configmap', '-l', 'app=prod', '--ignore-not-found', ...namespace);
  await kubectl('delete', 'statefulset', `${bereft}-prod-db`, ...namespace);
  await kubectl(
    'delete',
    'pod',
    '-l',
    'app=prod',
    '--grace-period=0',
    '--force',
    '--ignore-not-found',
    ...namespace,
  );
  // Its ReplicaSet stays, but cannot become ready without the rest.
  await kubectl('delete', 'deployment', `${bereft}-prod`, '--cascade=orphan', ...namespace);
  const final = await failing.final();
  expect(final).toMatchObject({ status: 'deploy_failed', live: { submission_id } });
  expect(await answerOf(bereft)).toBe('back');
}, 180_000);

test('a program that no node has room for', async () => {
  // The worker with these settings repairs the environment, and raises its limits to fit such a program.
  await kubectl('delete', 'pod', `${user}-test`, '-n', `user-${user}`);
  const final = await failedRollout(server('too large'), {
    PROGRAM_CPUS: '1000',
    PROGRAM_CPU_REQUEST: '1000',
  });
  expect(final).toMatchObject({ reason: 'unschedulable' });
  expect(final.message).toContain('Insufficient cpu');
  expect(eventsOf(final)).toContain('FailedScheduling');
  expect(rolloutSeconds(final)).toBeLessThan(ROLLOUT_SECONDS / 2);
});

import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeUsers } from '../test/integration/kubectl';
import { startPlatform } from '../test/integration/platform';
import type { Drawing, Findings } from './findings';
import { drawFlameGraph, sharesOf, type CpuProfile } from './flameGraph';
import { measure, table } from './measure';
import { askFor, connectTo } from './socket';

/** Where the processor time of worker and gateway goes, under a load of submissions that fail. */

const USER = 'bench-profile';
const IN_FLIGHT = 16;
const SUBMISSIONS = 300;
const WARM_UP = 40;
/** Places with a smaller share are left out of the table. */
const SMALLEST_SHARE = 0.015;

export async function benchProfile(): Promise<Findings> {
  const folder = await mkdtemp(join(tmpdir(), 'profile-'));
  try {
    const platform = await startPlatform({}, ['--cpu-prof', `--cpu-prof-dir=${folder}`]);
    const pids = { worker: platform.worker.pid, gateway: platform.gatewayPid };
    const elapsedMs = await load(`${platform.url}?progress=false`, platform.apiKey).finally(() =>
      platform.stop(),
    );
    const drawings: Drawing[] = [];
    for (const [name, pid] of Object.entries(pids)) {
      const profile = await profileOf(folder, pid);
      table(
        [`processor time of the ${name}`, 'share'],
        sharesOf(profile, elapsedMs)
          .filter(([, share]) => share >= SMALLEST_SHARE)
          .map(([where, share]) => [where, `${(share * 100).toFixed(0)} %`]),
      );
      const title = `The ${name} under ${IN_FLIGHT} submissions in flight`;
      drawings.push({ name: `profile-${name}`, title, svg: drawFlameGraph(title, profile, elapsedMs) });
    }
    return {
      drawings,
      notes: [
        'Main threads only: workflows run on a thread, and Temporal’s client core on several, which took about a sixth of the worker’s time.',
        '`here` is the code of this project. The names of native functions are those that V8 finds nearest, and mean little.',
      ],
    };
  } finally {
    await rm(folder, { recursive: true });
    await removeUsers(USER);
  }
}

/** @returns how long the measured part took, in milliseconds */
async function load(url: string, apiKey: string): Promise<number> {
  const message = { user_id: USER, code: 'raise SystemExit(1)' };
  const idle = await Promise.all(Array.from({ length: IN_FLIGHT }, () => connectTo(url, apiKey)));
  const submit = async () => {
    const one = idle.pop()!;
    await askFor('tests_failed', one, message);
    idle.push(one);
  };
  await measure(1, 1, submit);
  await measure(WARM_UP, IN_FLIGHT, submit);
  const { elapsedMs } = await measure(SUBMISSIONS, IN_FLIGHT, submit);
  await Promise.all(idle.map((one) => one.close()));
  return elapsedMs;
}

/** The profile of a process's main thread, which Node wrote when the process ended. */
async function profileOf(folder: string, pid: number): Promise<CpuProfile> {
  // CPU.DATE.TIME.PID.THREAD.NUMBER.cpuprofile; the main thread is 0.
  const name = (await readdir(folder)).find((each) => each.split('.').slice(3, 5).join('.') === `${pid}.0`);
  if (name === undefined) throw new Error(`Node wrote no profile of the process ${pid}.`);
  return JSON.parse(await readFile(join(folder, name), 'utf8')) as CpuProfile;
}

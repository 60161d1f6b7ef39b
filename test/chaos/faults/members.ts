import type { Member } from '../platform';
import type { Random } from '../random';
import { harmFor, type Fault, type Harm, type Reach } from './fault';

type Role = 'workers' | 'gateways';

/** SIGKILL of a worker or gateway, which is restarted after a pause. */
export const kill =
  (role: Role): Fault =>
  async ({ platform }, random) => {
    const { name, process } = random.pick(platform[role]);
    const pauseMs = random.between(0, 6_000);
    await process.kill(pauseMs);
    return { what: `${name}, back after ${seconds(pauseMs)}`, heal: () => process.untilReady() };
  };

/**
 * SIGSTOP of a worker (longer than its heartbeat timeouts) or of a gateway (longer than its clients wait).
 */
export const pause =
  (role: Role, longest: number): Fault =>
  (reach, random) => {
    const { name, process } = random.pick(reach.platform[role]);
    const ms = random.between(11_000, longest);
    process.signal('SIGSTOP');
    const heal = async () => {
      await harmFor(ms, reach);
      process.signal('SIGCONT');
    };
    return Promise.resolve({ what: `${name} for ${seconds(ms)}`, heal });
  };

/** Cuts, delays or hangs the connections between a worker or gateway and a server. */
export const disturb =
  (how: 'cut' | 'delay' | 'hang'): Fault =>
  (reach: Reach, random: Random) => {
    const { platform } = reach;
    const { name, links } = random.pick<Member>([...platform.workers, ...platform.gateways]);
    const [server, link] = random.pick(Object.entries(links));
    const ms = random.between(2_000, how === 'hang' ? 25_000 : 15_000);
    const slower = random.between(30, 400);
    if (how === 'delay') link.delay(slower);
    else link[how]();
    const heal = async () => {
      await harmFor(ms, reach);
      link.heal();
    };
    const what = `${name} and ${server} for ${seconds(ms)}${how === 'delay' ? `, ${slower} ms each way` : ''}`;
    const harm: Harm = { what, heal };
    return Promise.resolve(harm);
  };

export const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

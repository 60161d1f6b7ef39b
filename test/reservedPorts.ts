import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { portHolder } from '../local-stack/machine/portHolder';

/** The first and the last port, both inclusive. */
interface PortRange {
  first: number;
  last: number;
}

/**
 * Above every port of the local stack (at most 10349), below the node ports of Kubernetes (from 30000) and
 * below Linux's default range of ephemeral ports (from 32768).
 */
const RESERVABLE: PortRange = { first: 20_000, last: 29_999 };

/** The kernel assigns these ports to outgoing connections and to programs that bind port 0. */
const EPHEMERAL = 'net.ipv4.ip_local_port_range';

/**
 * Reserves a TCP port of this machine for a program that cannot bind port 0, or that must use the same port
 * again after a restart. No other call in any process gets it until the calling process ends. The reservation
 * is an abstract Unix socket, which the kernel removes when the process ends, and which is local to the
 * network namespace, as ports are. Linux only.
 * @throws Error when no port of the range is free
 */
export async function reservePort({ first, last }: PortRange = RESERVABLE): Promise<number> {
  const ephemeral = ephemeralPorts();
  const count = last - first + 1;
  const start = randomInt(count);
  for (let step = 0; step < count; step++) {
    const port = first + ((start + step) % count);
    if (port >= ephemeral.first && port <= ephemeral.last) continue;
    if (!portHolder(port) && (await reserve(port))) return port;
  }
  throw new Error(
    `No port from ${first} to ${last} is free. Each is reserved, has a listener, or belongs to ` +
      `${EPHEMERAL} (${ephemeral.first} to ${ephemeral.last}): stop programs, or narrow that range with sysctl.`,
  );
}

/** @returns false when another call has reserved the port */
async function reserve(port: number): Promise<boolean> {
  const reservation = createServer().listen(`\0orchestration-app-port-${port}`);
  try {
    await once(reservation, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  }
  reservation.unref();
  return true;
}

function ephemeralPorts(): PortRange {
  const text = readFileSync(`/proc/sys/${EPHEMERAL.replaceAll('.', '/')}`, 'utf8');
  const [first, last] = text.trim().split(/\s+/).map(Number) as [number, number];
  return { first, last };
}

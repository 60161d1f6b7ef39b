import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { Runtime, type RuntimeOptions } from '@temporalio/worker';

/** For the SDK's own endpoint, which is in this process, in milliseconds. */
const READ_MS = 2_000;

/** Another process may take a port between the look and the use. */
const TRIES = 3;

/**
 * Installs Temporal's runtime, with the SDK's metrics at an address of this process alone.
 * @returns what reads them, in the text format of Prometheus; nothing when they are not wanted
 */
export async function installRuntime(
  options: RuntimeOptions,
  wanted: { metrics: boolean },
): Promise<() => Promise<string>> {
  if (!wanted.metrics) {
    Runtime.install(options);
    return () => Promise.resolve('');
  }
  for (let attempt = 1; ; attempt++) {
    const bindAddress = `127.0.0.1:${await freePort()}`;
    const prometheus = {
      bindAddress,
      countersTotalSuffix: true,
      unitSuffix: true,
      useSecondsForDurations: true,
    };
    try {
      Runtime.install({ ...options, telemetryOptions: { metrics: { prometheus } } });
      return async () => {
        const response = await fetch(`http://${bindAddress}/metrics`, {
          signal: AbortSignal.timeout(READ_MS),
        });
        return response.text();
      };
    } catch (error) {
      if (attempt === TRIES) throw error;
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

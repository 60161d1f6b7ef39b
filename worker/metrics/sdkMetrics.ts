import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { Runtime, type RuntimeOptions } from '@temporalio/worker';

/** For the SDK's own endpoint, which is in this process, in milliseconds. */
const READ_MS = 2_000;

/** How many ports are tried: the SDK can bind port 0, but does not report which port it then has. */
const TRIES = 100;

/** The first port above Linux's usual range of ephemeral ports: outgoing connections have none of those from here on. */
const FIRST_PORT = 61_000;
const LAST_PORT = 65_535;

/**
 * Installs Temporal's runtime, with the SDK's metrics at an address of this process alone.
 * @returns what reads them, in the text format of Prometheus; nothing when they are not wanted
 * @throws Error of the SDK when it cannot start, or when every port that was tried is in use
 */
export function installRuntime(options: RuntimeOptions, wanted: { metrics: boolean }): () => Promise<string> {
  if (!wanted.metrics) {
    Runtime.install(options);
    return () => Promise.resolve('');
  }
  for (let attempt = 1; ; attempt++) {
    const bindAddress = `127.0.0.1:${randomInt(FIRST_PORT, LAST_PORT + 1)}`;
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
      if (attempt === TRIES || !isAddressInUse(error)) throw error;
    }
  }
}

/** The SDK's error has no code: its message ends with the number of the system's error, as Rust prints it. */
function isAddressInUse(error: unknown): boolean {
  return String(error).includes(`(os error ${constants.errno.EADDRINUSE})`);
}

import { randomInt } from 'node:crypto';
import { constants } from 'node:os';
import { Runtime, type RuntimeOptions } from '@temporalio/worker';

/** Timeout for reading the SDK's own endpoint, which is in this process, in milliseconds. */
const READ_MS = 2_000;

/** How many ports are tried. The SDK can bind port 0, but does not report which port it gets. */
const TRIES = 100;

/** The first port above Linux's default ephemeral range, so outgoing connections do not use it. */
const FIRST_PORT = 61_000;
const LAST_PORT = 65_535;

/**
 * Installs Temporal's runtime, with the SDK's metrics on a loopback port of this process.
 * @returns a function that reads them in the Prometheus text format, or returns '' without metrics
 * @throws Error of the SDK if it cannot start, or if every port that was tried is in use
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

/** The SDK's error has no code. Its message ends with the system's error number, as Rust prints it. */
function isAddressInUse(error: unknown): boolean {
  return String(error).includes(`(os error ${constants.errno.EADDRINUSE})`);
}

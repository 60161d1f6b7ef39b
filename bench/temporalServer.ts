import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { temporalProgram } from '../local-stack/artifacts/temporalProgram';
import { Progress } from '../local-stack/machine/progress';
import { readSettings } from '../local-stack/settings';
import { connectClient } from '../infrastructure/temporal/connection';
import { reservePort } from '../test/reservedPorts';

/** How long the server may take to become ready, in milliseconds. */
const READY_WITHIN_MS = 60_000;

/** Calls `work` with a separate in-memory Temporal server that has these dynamic configuration values. */
export async function withTemporalServer<T>(
  dynamicConfig: Record<string, string>,
  work: (address: string) => Promise<T>,
): Promise<T> {
  const port = await reservePort();
  const address = `127.0.0.1:${port}`;
  const values = Object.entries(dynamicConfig).map(
    ([key, value]) => `--dynamic-config-value=${key}=${value}`,
  );
  const program = await temporalProgram(readSettings(), new Progress());
  const server = spawn(
    program,
    ['server', 'start-dev', '--headless', '--ip=127.0.0.1', `--port=${port}`, '--log-level=never', ...values],
    { stdio: 'ignore' },
  );
  const exited = once(server, 'exit');
  try {
    await answering(address);
    return await work(address);
  } finally {
    server.kill('SIGTERM');
    await exited;
  }
}

/** @throws Error of the last attempt when the server is not ready in time */
async function answering(address: string): Promise<void> {
  const namespace = 'default';
  const { connection } = connectClient({ TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace });
  const deadline = Date.now() + READY_WITHIN_MS;
  try {
    for (;;) {
      try {
        await connection.withDeadline(Date.now() + 5_000, () =>
          connection.workflowService.describeNamespace({ namespace }),
        );
        return;
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await wait(200);
      }
    }
  } finally {
    await connection.close();
  }
}

import { setTimeout as pause } from 'node:timers/promises';
import { NativeConnection, Runtime } from '@temporalio/worker';
import { readConfig } from '../../infrastructure/config/config';
import { createLogger } from '../../infrastructure/logging';
import { ensureSearchAttributes } from '../../infrastructure/temporal/searchAttributes';
import { pass, scripted } from '../../test/scripted/ports';
import { temporalLogger } from '../../worker/temporalLogger';
import { createWorker } from '../../worker/worker';

/** A worker with scripted outside systems: in its simulated test pods a run takes a random time and fails. */

/** Mean duration of a tiny program in a real test pod, from the request to the report, in milliseconds. */
const RUN_MS = 30;

async function main(): Promise<void> {
  const config = readConfig(['TEMPORAL_ADDRESS', 'TEMPORAL_NAMESPACE', 'TEMPORAL_TASK_QUEUE']);
  const logger = createLogger('worker', 'info');
  Runtime.install({ logger: temporalLogger(logger), shutdownSignals: ['SIGINT', 'SIGTERM'] });
  const connection = await NativeConnection.connect({ address: config.TEMPORAL_ADDRESS });
  try {
    await ensureSearchAttributes(connection.operatorService, config.TEMPORAL_NAMESPACE, [
      'UserId',
      'SubmissionStatus',
      'CodeDigest',
    ]);
    const dependencies = scripted(
      {
        testRunner: {
          async run() {
            await pause(-Math.log(1 - Math.random()) * RUN_MS);
            return { ...pass, outcome: 'failed', exitCode: 1 };
          },
        },
        actionLog: { write: () => Promise.resolve({ rejected: 0 }) },
      },
      { calls: [], documents: [], output: [] },
    );
    const worker = await createWorker(
      connection,
      { namespace: config.TEMPORAL_NAMESPACE, taskQueue: config.TEMPORAL_TASK_QUEUE },
      dependencies,
    );
    logger.info({}, 'worker ready');
    await worker.run();
  } finally {
    await connection.close();
  }
}

void main().catch((error: unknown) => {
  createLogger('worker', 'info').fatal({ err: error }, 'worker stopped');
  process.exitCode = 1;
});

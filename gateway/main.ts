import { setTimeout as wait } from 'node:timers/promises';
import { readConfig } from '../infrastructure/config/config';
import { createLogger } from '../infrastructure/logging';
import { startTracing } from '../infrastructure/telemetry/tracing';
import { GATEWAY_VARIABLES, startGateway } from './gateway';
import { createMetrics } from './metrics';
import type { RunningServer } from './server';
import { survivesUncaught } from './uncaught';

/**
 * How long every node may take to learn that this gateway accepts no new connections. The pod's preStop hook
 * waits for the same reason.
 */
const LEAVING_MS = 5_000;
/** The process is forced to exit if it has not ended by then. */
const LONGEST_END_MS = 30_000;

async function main(): Promise<void> {
  const config = readConfig(GATEWAY_VARIABLES);
  const logger = createLogger('gateway', config.LOG_LEVEL);
  const metrics = createMetrics();
  const stopped = nextSignal().then((signal) => ({ signal }));
  const failed = survivesUncaught({ logger, metrics }).then(() => null);
  const tracing = await startTracing('gateway', logger);
  try {
    const gateway = await startGateway(config, { logger, tracing, metrics });
    logger.info({ url: gateway.url }, 'gateway ready');
    const asked = await Promise.race([stopped, failed]);
    if (asked === null) await leave(gateway);
    logger.info({ ...asked }, 'gateway closing');
    await gateway.close();
  } finally {
    await tracing?.stop();
  }
  logger.info('gateway closed');
}

/**
 * Stops accepting clients after an uncaught error. Exits with 1, so that whatever started the process
 * restarts it.
 */
async function leave(gateway: RunningServer): Promise<void> {
  process.exitCode = 1;
  gateway.leave();
  await wait(LEAVING_MS);
  setTimeout(() => process.exit(1), LONGEST_END_MS).unref();
}

/**
 * Resolves on the first signal, for a graceful shutdown. A second signal has no handler and ends the process
 * at once.
 */
function nextSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals) => {
      process.off('SIGTERM', onSignal).off('SIGINT', onSignal);
      resolve(signal);
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}

void main().catch((error: unknown) => {
  createLogger('gateway', 'info').fatal({ err: error }, 'gateway stopped');
  // Connections that were opened before the failure would keep the process alive.
  process.exit(1);
});

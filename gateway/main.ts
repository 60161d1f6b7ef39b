import { readConfig } from '../infrastructure/config';
import { createLogger } from '../infrastructure/logging';
import { startTracing } from '../infrastructure/telemetry/tracing';
import { GATEWAY_VARIABLES, startGateway } from './gateway';

async function main(): Promise<void> {
  const config = readConfig(GATEWAY_VARIABLES);
  const logger = createLogger('gateway', config.LOG_LEVEL);
  const stopped = nextSignal();
  const tracing = await startTracing('gateway', logger);
  try {
    const gateway = await startGateway(config, { logger, tracing });
    logger.info({ url: gateway.url }, 'gateway ready');
    logger.info({ signal: await stopped }, 'gateway closing');
    await gateway.close();
  } finally {
    await tracing?.stop();
  }
  logger.info('gateway closed');
}

/** The first signal asks for a clean end; a second one finds no listener and ends the process at once. */
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
  process.exitCode = 1;
});

import type { Config } from '../infrastructure/config';
import type { Logger } from '../infrastructure/logging';
import { connectClient } from '../infrastructure/temporal/connection';
import { limitsFor, type Limits } from './limits';
import { startServer, type RunningServer } from './server';
import { temporalSubmissions } from './submissions';

/** The variables that a gateway reads. */
export const GATEWAY_VARIABLES = [
  'API_KEY',
  'HOST',
  'PORT',
  'MAX_CODE_BYTES',
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_TASK_QUEUE',
  'LOG_LEVEL',
] as const;

export type GatewayConfig = Config<Exclude<(typeof GATEWAY_VARIABLES)[number], 'LOG_LEVEL'>>;

/** Starts a gateway on its own connection to Temporal. Closing it closes both, and loses no submission. */
export async function startGateway(
  config: GatewayConfig,
  { logger, limits = limitsFor(config.MAX_CODE_BYTES) }: { logger: Logger; limits?: Limits },
): Promise<RunningServer> {
  const client = connectClient(config);
  try {
    const submissions = temporalSubmissions(client, config.TEMPORAL_TASK_QUEUE, limits);
    const server = await startServer(config, { submissions, logger, limits });
    return {
      url: server.url,
      close: () => server.close().finally(() => client.connection.close()),
    };
  } catch (error) {
    await client.connection.close();
    throw error;
  }
}

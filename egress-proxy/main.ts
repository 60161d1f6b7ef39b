/** Starts the egress proxy, through which users' programs reach the hosts that their plans name. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { readConfig } from '../infrastructure/config/config';
import { createLogger } from '../infrastructure/logging';
import { createEgressProxy } from './proxy';

const VARIABLES = ['EGRESS_PROXY_KEY', 'EGRESS_PROXY_PORT', 'USER_PLANS', 'HOST', 'LOG_LEVEL'] as const;

async function main(): Promise<void> {
  const config = readConfig(VARIABLES);
  const { EGRESS_PROXY_KEY: key, EGRESS_PROXY_PORT: port, USER_PLANS: plans = {} } = config;
  const logger = createLogger('egress-proxy', config.LOG_LEVEL);
  if (key === undefined)
    throw new Error('EGRESS_PROXY_KEY is not set: choose a secret, the same as that of the worker.');
  const server = createEgressProxy({ key, plans, logger });
  server.listen(port, config.HOST);
  await once(server, 'listening');
  logger.info(
    { port: (server.address() as AddressInfo).port, plans: Object.keys(plans) },
    'egress proxy ready',
  );
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT')]);
  logger.info('egress proxy closing');
  server.close();
  // Tunnels have no other end: their programs connect again, to another replica or the next process.
  process.exit(0);
}

void main().catch((error: unknown) => {
  createLogger('egress-proxy', 'info').fatal({ err: error }, 'egress proxy stopped');
  process.exit(1);
});

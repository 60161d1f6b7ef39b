import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { readConfig } from '../../infrastructure/config/config';
import { createLogger } from '../../infrastructure/logging';
import { encryptionCodec } from '../../infrastructure/temporal/codec';
import { codecServer } from './server';

/** `npm run codec`: lets Temporal's Web UI and CLI show what PAYLOAD_KEYS encrypted. */
async function main(): Promise<void> {
  const config = readConfig([
    'PAYLOAD_KEYS',
    'TEMPORAL_UI_URL',
    'CODEC_HOST',
    'CODEC_PORT',
    'CODEC_TOKEN',
    'LOG_LEVEL',
  ]);
  const logger = createLogger('codec', config.LOG_LEVEL);
  const { PAYLOAD_KEYS: keys, TEMPORAL_UI_URL: ui, CODEC_TOKEN: token = null } = config;
  if (keys === undefined) throw new Error('PAYLOAD_KEYS is missing: there is nothing to decode with.');
  const server = codecServer({
    codec: encryptionCodec(keys),
    origin: ui === undefined ? null : new URL(ui).origin,
    token,
  });
  server.listen(config.CODEC_PORT, config.CODEC_HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  logger.info(
    { url: `http://${config.CODEC_HOST}:${port}`, keys: keys.map(({ id }) => id) },
    'codec server ready',
  );
  const stop = () => {
    server.close();
    server.closeIdleConnections();
  };
  process.once('SIGTERM', stop).once('SIGINT', stop);
  await once(server, 'close');
}

void main().catch((error: unknown) => {
  createLogger('codec', 'info').fatal({ err: error }, 'codec server stopped');
  process.exitCode = 1;
});

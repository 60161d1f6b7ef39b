import { readFileSync } from 'node:fs';
import { Client, Connection, type WorkflowClientInterceptor } from '@temporalio/client';
import type { DataConverter } from '@temporalio/common';
import type { PayloadKey } from '../config/payloadKeys';
import { encryptionCodec } from './codec';

/** The variables for the address of Temporal and the access to it. */
export const TEMPORAL_VARIABLES = [
  'TEMPORAL_ADDRESS',
  'TEMPORAL_NAMESPACE',
  'TEMPORAL_TLS',
  'TEMPORAL_TLS_SERVER_CA_CERT_PATH',
  'TEMPORAL_TLS_CLIENT_CERT_PATH',
  'TEMPORAL_TLS_CLIENT_KEY_PATH',
  'TEMPORAL_TLS_SERVER_NAME',
  'TEMPORAL_API_KEY',
  'PAYLOAD_KEYS',
] as const;

/** How to connect to Temporal: without TLS, with TLS, with a client certificate (mTLS), or an API key. */
export interface TemporalAccess {
  /** `host:port` of the frontend. */
  TEMPORAL_ADDRESS: string;
  TEMPORAL_TLS?: 'true' | 'false' | undefined;
  TEMPORAL_TLS_SERVER_CA_CERT_PATH?: string | undefined;
  TEMPORAL_TLS_CLIENT_CERT_PATH?: string | undefined;
  TEMPORAL_TLS_CLIENT_KEY_PATH?: string | undefined;
  TEMPORAL_TLS_SERVER_NAME?: string | undefined;
  TEMPORAL_API_KEY?: string | undefined;
}

/** The settings for the connection to Temporal and the encryption of payloads. */
export interface TemporalSettings extends TemporalAccess {
  TEMPORAL_NAMESPACE: string;
  PAYLOAD_KEYS?: readonly PayloadKey[] | undefined;
}

/**
 * By default, gRPC waits up to two minutes before it reconnects after a lost connection. A server that
 * restarts is back within seconds, and people are waiting for it.
 */
const RECONNECT = { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 2_000 };

/**
 * Creates a Temporal client. It connects at the first call, so a process can start, and report that it is not
 * ready, while the server is unavailable. Release it with `client.connection.close()`.
 */
export function connectClient(
  settings: TemporalSettings,
  interceptors: WorkflowClientInterceptor[] = [],
): Client {
  const connection = Connection.lazy({ ...accessOf(settings), channelArgs: RECONNECT });
  return new Client({
    connection,
    namespace: settings.TEMPORAL_NAMESPACE,
    dataConverter: converterOf(settings.PAYLOAD_KEYS),
    interceptors: { workflow: interceptors },
  });
}

/**
 * The options of a `Connection` or a `NativeConnection`. Any TLS setting, and an API key, turn TLS on.
 * @throws Error that names the settings that contradict each other
 */
export function accessOf(settings: TemporalAccess) {
  const {
    TEMPORAL_ADDRESS: address,
    TEMPORAL_API_KEY: apiKey,
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: authority,
    TEMPORAL_TLS_CLIENT_CERT_PATH: certificate,
    TEMPORAL_TLS_CLIENT_KEY_PATH: key,
    TEMPORAL_TLS_SERVER_NAME: serverNameOverride,
  } = settings;
  if ((certificate === undefined) !== (key === undefined))
    throw new Error(
      'TEMPORAL_TLS_CLIENT_CERT_PATH and TEMPORAL_TLS_CLIENT_KEY_PATH go together: set both or none.',
    );
  const wanted = [apiKey, authority, certificate, serverNameOverride].some((value) => value !== undefined);
  if (settings.TEMPORAL_TLS === 'false' && wanted)
    throw new Error('TEMPORAL_TLS is false, and TEMPORAL_TLS_* or TEMPORAL_API_KEY need it: leave it out.');
  if (!wanted && settings.TEMPORAL_TLS !== 'true') return { address };
  return {
    address,
    ...(apiKey !== undefined && { apiKey }),
    tls: {
      ...(serverNameOverride !== undefined && { serverNameOverride }),
      ...(authority !== undefined && { serverRootCACertificate: readFileSync(authority) }),
      ...(certificate !== undefined &&
        key !== undefined && { clientCertPair: { crt: readFileSync(certificate), key: readFileSync(key) } }),
    },
  };
}

/** The data converter of clients, workers and replays, so that each can read what another one encrypts. */
export function converterOf(keys: readonly PayloadKey[] | undefined): DataConverter {
  return keys ? { payloadCodecs: [encryptionCodec(keys)] } : {};
}

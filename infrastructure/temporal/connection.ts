import { Client, Connection, type WorkflowClientInterceptor } from '@temporalio/client';

/** The part of the configuration that says where Temporal is. */
export interface TemporalSettings {
  /** `host:port` of the frontend. */
  TEMPORAL_ADDRESS: string;
  TEMPORAL_NAMESPACE: string;
}

/**
 * After a lost connection gRPC waits up to two minutes before it tries again, unless told otherwise. A
 * server that restarts is back within seconds, and people wait for it.
 */
const RECONNECT = { 'grpc.initial_reconnect_backoff_ms': 200, 'grpc.max_reconnect_backoff_ms': 2_000 };

/**
 * A client of Temporal. It connects at the first call, so a process can start, and say that it is not
 * ready, while the server is away. Release it with `client.connection.close()`.
 */
export function connectClient(
  settings: TemporalSettings,
  interceptors: WorkflowClientInterceptor[] = [],
): Client {
  const connection = Connection.lazy({ address: settings.TEMPORAL_ADDRESS, channelArgs: RECONNECT });
  return new Client({
    connection,
    namespace: settings.TEMPORAL_NAMESPACE,
    interceptors: { workflow: interceptors },
  });
}

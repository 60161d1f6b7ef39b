import { setTimeout as wait } from 'node:timers/promises';
import type { Resource } from '@opentelemetry/resources';
import type { SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { WorkflowClientInterceptor } from '@temporalio/client';
import { readConfig } from '../config/config';
import type { Logger } from '../logging';

/** What a process needs for tracing. */
export interface Tracing {
  /** For a Temporal client: the workflows that it starts become part of the trace. */
  clientInterceptors: WorkflowClientInterceptor[];
  /** Receives the spans that are created outside of this process's own code: in workflows. */
  spanProcessor: SpanProcessor;
  resource: Resource;
  /** Does work for all workflows together, which would fill traces of its own. */
  untraced: <T>(work: () => T) => T;
  /** Sends the remaining spans, for at most a few seconds. */
  stop(): Promise<void>;
}

/** The OpenTelemetry variables that are checked here; the SDK reads the others itself. */
const VARIABLES = [
  'OTEL_SDK_DISABLED',
  'OTEL_TRACES_EXPORTER',
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
  'OTEL_EXPORTER_OTLP_PROTOCOL',
  'OTEL_EXPORTER_OTLP_TRACES_PROTOCOL',
] as const;

/** How long to wait for a collector that does not answer when the process ends, in milliseconds. */
const STOP_MS = 5_000;

/**
 * Sends traces to an OpenTelemetry collector, if one is configured. Otherwise nothing is loaded.
 * @param service service name, unless OTEL_SERVICE_NAME is set
 * @throws Error that names the invalid variable
 */
export async function startTracing(service: string, logger: Logger): Promise<Tracing | null> {
  const config = readConfig(VARIABLES);
  const endpoint = config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? config.OTEL_EXPORTER_OTLP_ENDPOINT;
  const off = config.OTEL_SDK_DISABLED === 'true' || config.OTEL_TRACES_EXPORTER === 'none';
  if (endpoint === undefined || off) return null;

  const { startProvider } = await import('./provider.js');
  const { provider, ...tracing } = startProvider(service, logger);
  logger.info({ endpoint }, 'exporting traces');
  return {
    ...tracing,
    async stop() {
      const gone = new AbortController();
      await Promise.race([
        provider
          .shutdown()
          .catch((error: unknown) => logger.warn({ err: error }, 'failed to export traces: they are lost')),
        wait(STOP_MS, undefined, { signal: gone.signal }).catch(() => undefined),
      ]);
      gone.abort();
    },
  };
}

import { context, diag, DiagLogLevel } from '@opentelemetry/api';
import { suppressTracing } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResourcesSync, envDetectorSync, Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { WorkflowClientInterceptor } from '@temporalio/client';
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry';
import type { Logger } from '../logging';

/** Starts sending spans, as configured in the environment. Loaded only when a collector is configured. */
export function startProvider(service: string, logger: Logger) {
  diag.setLogger(diagnosticsLogger(logger), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const resource = Resource.default()
    .merge(new Resource({ 'service.name': `orchestration-app-${service}` }))
    .merge(detectResourcesSync({ detectors: [envDetectorSync] }));
  const spanProcessor = new BatchSpanProcessor(new OTLPTraceExporter());
  const provider = new NodeTracerProvider({ resource, spanProcessors: [spanProcessor] });
  provider.register();
  const untraced = <T>(work: () => T): T => context.with(suppressTracing(context.active()), work);
  return { provider, resource, spanProcessor, untraced, clientInterceptors: [tracedCalls()] };
}

/** Traces calls that change something, and not the queries that poll a submission every few seconds. */
function tracedCalls(): WorkflowClientInterceptor {
  const all = new OpenTelemetryWorkflowClientInterceptor();
  return {
    start: all.start.bind(all),
    signal: all.signal.bind(all),
    signalWithStart: all.signalWithStart.bind(all),
    cancel: all.cancel.bind(all),
    terminate: all.terminate.bind(all),
  };
}

/** Logs OpenTelemetry's own messages, such as that the collector does not answer. */
function diagnosticsLogger(logger: Logger) {
  const logAt =
    (level: 'error' | 'warn' | 'debug') =>
    (message: string, ...details: unknown[]) =>
      logger[level]({ component: 'tracing', details }, message);
  const debug = logAt('debug');
  // Tracing that fails disturbs nothing else.
  return { error: logAt('warn'), warn: logAt('warn'), info: debug, debug, verbose: debug };
}

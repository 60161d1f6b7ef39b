import { diag, DiagLogLevel } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { detectResourcesSync, envDetectorSync, Resource } from '@opentelemetry/resources';
import { BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { WorkflowClientInterceptor } from '@temporalio/client';
import { OpenTelemetryWorkflowClientInterceptor } from '@temporalio/interceptors-opentelemetry';
import type { Logger } from '../logging';

/** Starts sending spans, as configured in the environment. Loaded only when a collector is configured. */
export function startProvider(service: string, logger: Logger) {
  diag.setLogger(complaintsTo(logger), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const resource = Resource.default()
    .merge(new Resource({ 'service.name': `orchestration-app-${service}` }))
    .merge(detectResourcesSync({ detectors: [envDetectorSync] }));
  const spanProcessor = new BatchSpanProcessor(new OTLPTraceExporter());
  const provider = new NodeTracerProvider({ resource, spanProcessors: [spanProcessor] });
  provider.register();
  return { provider, resource, spanProcessor, clientInterceptors: [tracedCalls()] };
}

/** Traces calls that change something, not the queries of every few seconds that follow a submission. */
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
function complaintsTo(logger: Logger) {
  const say =
    (level: 'error' | 'warn' | 'debug') =>
    (message: string, ...details: unknown[]) =>
      logger[level]({ about: 'tracing', details }, message);
  const debug = say('debug');
  return { error: say('warn'), warn: say('warn'), info: debug, debug, verbose: debug };
}

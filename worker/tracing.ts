import {
  makeWorkflowExporter,
  OpenTelemetryActivityInboundInterceptor,
  OpenTelemetryActivityOutboundInterceptor,
  type OpenTelemetrySinks,
} from '@temporalio/interceptors-opentelemetry';
import type { Context } from '@temporalio/activity';
import type { InjectedSinks } from '@temporalio/worker';
import type { WorkflowInfo } from '@temporalio/workflow';
import type { Tracing } from '../infrastructure/telemetry/tracing';

/** Module that a bundle contains if workflows are traced. */
export const workflowTracing =
  require.resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors');

/** Interceptors that make activities spans of their workflow's trace. */
export const tracedActivities = (context: Context) => ({
  inbound: new OpenTelemetryActivityInboundInterceptor(context),
  outbound: new OpenTelemetryActivityOutboundInterceptor(context),
});

/** The sinks that receive the workflows' spans. Each span arrives once and is not repeated by a replay. */
export function spansOfWorkflows({ spanProcessor, resource }: Tracing): InjectedSinks<OpenTelemetrySinks> {
  const exporter = makeWorkflowExporter(spanProcessor, resource).export;
  // The exporter turns everything it gets into attributes, and the memo contains users' data.
  const told = ({ workflowId, runId, workflowType }: WorkflowInfo) =>
    ({ workflowId, runId, workflowType }) as WorkflowInfo;
  return { exporter: { export: { fn: (info, spans) => exporter.fn(told(info), spans) } } };
}

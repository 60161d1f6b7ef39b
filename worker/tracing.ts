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

/** Part of the workflows' bundle when they are traced. */
export const workflowTracing =
  require.resolve('@temporalio/interceptors-opentelemetry/lib/workflow-interceptors');

/** Activities as steps of the trace that their workflow belongs to. */
export const tracedActivities = (context: Context) => ({
  inbound: new OpenTelemetryActivityInboundInterceptor(context),
  outbound: new OpenTelemetryActivityOutboundInterceptor(context),
});

/** Where workflows hand their steps to: they come once, not again at a replay. */
export function spansOfWorkflows({ spanProcessor, resource }: Tracing): InjectedSinks<OpenTelemetrySinks> {
  const exporter = makeWorkflowExporter(spanProcessor, resource).export;
  // All that it is given becomes an attribute, and the memo holds what users wrote.
  const told = ({ workflowId, runId, workflowType }: WorkflowInfo) =>
    ({ workflowId, runId, workflowType }) as WorkflowInfo;
  return { exporter: { export: { fn: (info, spans) => exporter.fn(told(info), spans) } } };
}

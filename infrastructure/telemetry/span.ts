import type { IncomingHttpHeaders } from 'node:http';
import {
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Attributes,
  type Context,
  type Span,
  type SpanKind,
} from '@opentelemetry/api';

/** Steps of our own in a trace. Without tracing (tracing.ts) all of this does next to nothing. */

const tracer = trace.getTracer('orchestration-app');

export interface SpanSettings {
  attributes?: Attributes;
  kind?: SpanKind;
  /** Whose part it is; default: the span that is active. */
  parent?: Context;
}

/** Does `work` as one step of the trace. What it throws is noted there, and thrown on. */
export function inSpan<T>(
  name: string,
  { attributes, kind, parent = context.active() }: SpanSettings,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  const options = { ...(attributes && { attributes }), ...(kind !== undefined && { kind }) };
  return tracer.startActiveSpan(name, options, parent, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      span.recordException(error instanceof Error ? error : message);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      throw error;
    } finally {
      span.end();
    }
  });
}

/** The trace that a request belongs to by its header `traceparent`; a new one without it. */
export function traceOf(headers: IncomingHttpHeaders): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** Id of the trace that the current step belongs to, 32 hexadecimal digits; undefined without tracing. */
export function currentTraceId(): string | undefined {
  const known = trace.getActiveSpan()?.spanContext();
  return known && isSpanContextValid(known) ? known.traceId : undefined;
}

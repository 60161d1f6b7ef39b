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

/** Our own spans in a trace. Without tracing (tracing.ts) all of this does almost nothing. */

const tracer = trace.getTracer('orchestration-app');

export interface SpanSettings {
  attributes?: Attributes;
  kind?: SpanKind;
  /** Parent of the span; by default the active span. */
  parent?: Context;
}

/** Runs `work` in a span. An error is recorded on the span and thrown again. */
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

/** The trace of a request, from its header `traceparent`; a new one without it. */
export function traceOf(headers: IncomingHttpHeaders): Context {
  return propagation.extract(ROOT_CONTEXT, headers);
}

/** Id of the current trace, 32 hexadecimal digits; undefined without tracing. */
export function currentTraceId(): string | undefined {
  const known = trace.getActiveSpan()?.spanContext();
  return known && isSpanContextValid(known) ? known.traceId : undefined;
}

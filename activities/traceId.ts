import { isSpanContextValid, trace } from '@opentelemetry/api';

/** Id of the trace that the activity belongs to, for `trace.id` of a document; undefined without tracing. */
export function traceId(): string | undefined {
  const known = trace.getActiveSpan()?.spanContext();
  return known && isSpanContextValid(known) ? known.traceId : undefined;
}

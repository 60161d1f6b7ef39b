/** Reads single values from Temporal's history events. */
import { defaultPayloadConverter } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';
import { VERDICT_MEMO, type Verdict } from '../contract';

export type HistoryEvent = temporal.api.history.v1.IHistoryEvent;
export type Failure = temporal.api.failure.v1.IFailure | null | undefined;

/** How a submission ended: the three fields that every ending has. */
export type Ending = Pick<Verdict, 'status' | 'reason' | 'message'>;

/** Decodes a value that a worker of this platform wrote. */
export function decode(payload: temporal.api.common.v1.IPayload | null | undefined): unknown {
  return payload ? defaultPayloadConverter.fromPayload(payload) : undefined;
}

/** The header in which Temporal's OpenTelemetry interceptors propagate a trace. */
const TRACE_HEADER = '_tracer-data';

/** The id of the trace in which a workflow or an activity was started, if it was traced. */
export function traceIdIn(header: temporal.api.common.v1.IHeader | null | undefined): string | undefined {
  const carrier = decode(header?.fields?.[TRACE_HEADER]) as { traceparent?: string } | undefined;
  return carrier?.traceparent?.split('-')[1];
}

/** The marker with which Temporal's SDK stores the end of a local activity. */
const LOCAL_ACTIVITY = 'core_local_activity';

/** A local activity that ended with this event. The result is undefined if it failed. */
export function localActivityIn({
  markerRecordedEventAttributes: marker,
}: HistoryEvent): { type: string; result: unknown } | null {
  if (marker?.markerName !== LOCAL_ACTIVITY) return null;
  const [data, result] = [marker.details?.data, marker.details?.result].map((each) => each?.payloads?.[0]);
  const { activity_type: type = '' } = (decode(data) ?? {}) as { activity_type?: string };
  return { type, result: decode(result) };
}

/** The verdict, if this event contains it. */
export function verdictIn(event: HistoryEvent): Verdict | null {
  const payload = event.workflowPropertiesModifiedEventAttributes?.upsertedMemo?.fields?.[VERDICT_MEMO];
  return payload ? (decode(payload) as Verdict) : null;
}

/** How a workflow closed. It only counts if there was no verdict before. */
export function endWithoutVerdict(event: HistoryEvent): Ending | null {
  if (event.workflowExecutionFailedEventAttributes) {
    const { failure } = event.workflowExecutionFailedEventAttributes;
    return internalError(rootType(failure) ?? 'failed', rootMessage(failure) ?? 'The workflow failed.');
  }
  if (event.workflowExecutionTimedOutEventAttributes)
    return internalError('timed_out', 'The submission took longer than it may.');
  if (event.workflowExecutionTerminatedEventAttributes) {
    const { reason } = event.workflowExecutionTerminatedEventAttributes;
    return internalError(
      'terminated',
      `An operator ended the submission: ${reason || 'no reason was given'}.`,
    );
  }
  if (event.workflowExecutionCanceledEventAttributes)
    return { status: 'cancelled', reason: 'cancelled', message: 'The submission was cancelled.' };
  if (event.workflowExecutionCompletedEventAttributes || event.workflowExecutionContinuedAsNewEventAttributes)
    return internalError('no_verdict', 'The submission ended without a verdict.');
  return null;
}

/** The message of the root cause: the failure of an activity is nested in the one that reports it. */
export function rootMessage(failure: Failure): string | undefined {
  return root(failure)?.message || undefined;
}

/** The type of the root cause. */
export function rootType(failure: Failure): string | undefined {
  return root(failure)?.applicationFailureInfo?.type || undefined;
}

function root(failure: Failure): Failure {
  let innermost = failure;
  while (innermost?.cause) innermost = innermost.cause;
  return innermost;
}

function internalError(reason: string, message: string): Ending {
  return { status: 'internal_error', reason, message };
}

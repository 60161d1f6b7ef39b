/** Builds histories as Temporal tells them, for tests that need no server. */
import { defaultPayloadConverter } from '@temporalio/common';
import { msNumberToTs } from '@temporalio/common/lib/time';
import Long from 'long';
import type { AcceptedSubmission, HistoryEvent } from '../../gateway/frames';
import type { RunReport, Verdict } from '../../workflows/contract';

export const submission: AcceptedSubmission = {
  submissionId: 's1',
  workflowId: 'submission-s1',
  runId: 'run-1',
  namespace: 'user-test',
};

export const report: RunReport = {
  outcome: 'passed',
  exitCode: 0,
  signal: null,
  wallMs: 12,
  cpuMs: 9,
  peakMemoryBytes: 9_000_000,
  stdout: { text: 'Hello\n', bytes: 6, truncated: false },
  stderr: { text: '', bytes: 0, truncated: false },
  error: null,
  podUid: 'pod-1',
};

const { stdout: _stdout, stderr: _stderr, ...summary } = report;

export const verdict: Verdict = {
  status: 'deployed',
  namespace: 'user-test',
  submissionId: 's1',
  reason: 'live',
  message: 'The program is in production.',
  run: summary,
  rollout: null,
  live: {
    submissionId: 's1',
    workflowId: 'submission-s1',
    runId: 'run-1',
    codeDigest: 'd1',
    configMap: 'test-prod-d1',
  },
};

/** An event a second, numbered from 1; `attributes` says what kind each is. */
export function history(...attributes: Partial<HistoryEvent>[]): HistoryEvent[] {
  return attributes.map((event, index) => ({
    eventId: Long.fromNumber(index + 1),
    eventTime: msNumberToTs(Date.UTC(2026, 0, 1, 12, 0, index)),
    ...event,
  }));
}

export const started = { workflowExecutionStartedEventAttributes: {} };
export const uninteresting = { workflowTaskScheduledEventAttributes: {} };

export const scheduled = (name: string) => ({
  activityTaskScheduledEventAttributes: { activityType: { name } },
});

export const taken = (scheduledEventId: number, attempt = 1) => ({
  activityTaskStartedEventAttributes: { scheduledEventId: Long.fromNumber(scheduledEventId), attempt },
});

export const completed = (scheduledEventId: number, result: unknown) => ({
  activityTaskCompletedEventAttributes: {
    scheduledEventId: Long.fromNumber(scheduledEventId),
    result: { payloads: [defaultPayloadConverter.toPayload(result)] },
  },
});

export const failed = (scheduledEventId: number, message: string) => ({
  activityTaskFailedEventAttributes: {
    scheduledEventId: Long.fromNumber(scheduledEventId),
    failure: { message: 'activity failed', cause: { message } },
  },
});

export const announced = (value: Verdict) => ({
  workflowPropertiesModifiedEventAttributes: {
    upsertedMemo: { fields: { verdict: defaultPayloadConverter.toPayload(value) } },
  },
});

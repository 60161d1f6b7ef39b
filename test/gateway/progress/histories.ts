/** Builds histories in Temporal's format, for tests without a server. */
import { defaultPayloadConverter } from '@temporalio/common';
import { msNumberToTs } from '@temporalio/common/lib/time';
import Long from 'long';
import type { AcceptedSubmission } from '../../../gateway/protocol/acceptedSubmission';
import type { HistoryEvent } from '../../../workflows/history/events';
import type { StepReport, SubmitCodeInput, TestReport, Verdict } from '../../../workflows/contract';

export const submission: AcceptedSubmission = {
  submissionId: 's1',
  userId: 'test',
  workflowId: 'submission-s1',
  runId: 'run-1',
  namespace: 'user-test',
};

const step: StepReport = {
  step: 'run',
  outcome: 'passed',
  exitCode: 0,
  signal: null,
  serving: false,
  wallMs: 12,
  cpuMs: 9,
  peakMemoryBytes: 9_000_000,
  stdout: { text: 'Hello\n', bytes: 6, truncated: false },
  stderr: { text: '', bytes: 0, truncated: false },
  report: '',
  error: null,
  podUid: 'pod-1',
  executionId: 'e1',
};

export const report: TestReport = { outcome: 'passed', steps: [step], tests: [], executedAgain: false };

export const stepReport = (changes: Partial<StepReport>): StepReport => ({ ...step, ...changes });

export const printed = (text: string): StepReport['stdout'] => {
  return { text, bytes: Buffer.byteLength(text), truncated: false };
};

/** A verdict as the workflow stores it in the memo. */
export function verdictOf({ outcome, executedAgain, steps, tests }: TestReport): Verdict {
  const summaries = steps.map(({ stdout: _stdout, stderr: _stderr, report: _report, ...rest }) => rest);
  const passed = tests.filter((test) => test.outcome === 'passed').length;
  const summary = { outcome, executedAgain, steps: summaries, tests: { total: tests.length, passed } };
  return { ...verdict, tests: summary };
}

export const input: SubmitCodeInput = {
  submissionId: 's1',
  userId: 'test',
  program: {
    language: 'python',
    files: { 'main.py': "print('Hello')" },
    entrypoint: 'main.py',
    requirements: [],
  },
  input: { stdin: '', args: [], env: {} },
  tests: null,
  limits: {},
  codeDigest: 'd1',
  acceptedAt: '2026-01-01T12:00:00.000Z',
};

export const verdict: Verdict = {
  status: 'deployed',
  namespace: 'user-test',
  submissionId: 's1',
  reason: 'live',
  message: 'The program is in production.',
  tests: null,
  migration: null,
  rollout: null,
  supersededBy: null,
  live: {
    submissionId: 's1',
    workflowId: 'submission-s1',
    runId: 'run-1',
    codeDigest: 'd1',
    configMap: 'test-prod-d1',
  },
};

/** Builds one event per second, numbered from 1; `attributes` determines the kind of each. */
export function history(...attributes: Partial<HistoryEvent>[]): HistoryEvent[] {
  return attributes.map((event, index) => ({
    eventId: Long.fromNumber(index + 1),
    eventTime: msNumberToTs(Date.UTC(2026, 0, 1, 12, 0, index)),
    ...event,
  }));
}

export const startedWith = (asked: SubmitCodeInput) => ({
  workflowExecutionStartedEventAttributes: {
    input: { payloads: [defaultPayloadConverter.toPayload(asked)] },
  },
});

export const started = startedWith(input);
export const uninteresting = { workflowTaskScheduledEventAttributes: {} };

export const scheduled = (name: string) => ({
  activityTaskScheduledEventAttributes: { activityType: { name }, activityId: '1' },
});

export const claimedTurn = {
  signalExternalWorkflowExecutionInitiatedEventAttributes: { signalName: 'claimTurn' },
};

export const gotTurn = { workflowExecutionSignaledEventAttributes: { signalName: 'turn' } };

export const taken = (scheduledEventId: number, attempt = 1) => ({
  activityTaskStartedEventAttributes: { scheduledEventId: Long.fromNumber(scheduledEventId), attempt },
});

export const completed = (scheduledEventId: number, result: unknown) => ({
  activityTaskCompletedEventAttributes: {
    scheduledEventId: Long.fromNumber(scheduledEventId),
    result: { payloads: [defaultPayloadConverter.toPayload(result)] },
  },
});

export const failed = (scheduledEventId: number, message: string, type?: string) => ({
  activityTaskFailedEventAttributes: {
    scheduledEventId: Long.fromNumber(scheduledEventId),
    failure: {
      message: 'activity failed',
      cause: { message, ...(type && { applicationFailureInfo: { type } }) },
    },
  },
});

export const announced = (value: Verdict) => ({
  workflowPropertiesModifiedEventAttributes: {
    upsertedMemo: { fields: { verdict: defaultPayloadConverter.toPayload(value) } },
  },
});

export const taskStarted = { workflowTaskStartedEventAttributes: {} };

/** The end of a local activity, as the SDK stores it; without a result, it failed. */
export const localActivity = (name: string, result?: unknown) => {
  const payloads = (value: unknown) => ({ payloads: [defaultPayloadConverter.toPayload(value)] });
  return {
    markerRecordedEventAttributes: {
      markerName: 'core_local_activity',
      details: {
        data: payloads({ seq: 1, activity_type: name }),
        ...(result !== undefined && { result: payloads(result) }),
      },
    },
  };
};

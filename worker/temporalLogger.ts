import { DefaultLogger, type LogMetadata, type Logger as TemporalLogger } from '@temporalio/worker';
import type { Logger } from '../infrastructure/logging';
import { workflowIdOf } from '../workflows/contract';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** Workflow ids of submissions, by workflowIdOf of workflows/contract.ts. */
const OF_SUBMISSION = workflowIdOf('');

function submissionOf({ workflowId }: LogMetadata) {
  const id = typeof workflowId === 'string' && workflowId.startsWith(OF_SUBMISSION);
  return id ? { submissionId: workflowId.slice(OF_SUBMISSION.length) } : {};
}

/** Sends what the Temporal SDK logs, with the submission, workflow and activity it is about, to our log. */
export function temporalLogger(logger: Logger): TemporalLogger {
  return new DefaultLogger('DEBUG', ({ level, message, meta }) => {
    const { trace_id: traceId, span_id: _, trace_flags: __, ...rest } = meta ?? {};
    logger[LEVELS[level]]({ ...submissionOf(rest), ...rest, ...(traceId ? { traceId } : {}) }, message);
  });
}

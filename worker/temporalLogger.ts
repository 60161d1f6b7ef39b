import { DefaultLogger, type LogMetadata, type Logger as TemporalLogger } from '@temporalio/worker';
import type { Logger } from '../infrastructure/logging';
import { workflowIdOf } from '../workflows/contract';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

/** The prefix of submissions' workflow ids. */
const OF_SUBMISSION = workflowIdOf('');

function submissionOf({ workflowId }: LogMetadata) {
  const id = typeof workflowId === 'string' && workflowId.startsWith(OF_SUBMISSION);
  return id ? { submissionId: workflowId.slice(OF_SUBMISSION.length) } : {};
}

/** Writes the Temporal SDK's log entries to our log, with their submission, workflow and activity. */
export function temporalLogger(logger: Logger): TemporalLogger {
  return new DefaultLogger('DEBUG', ({ level, message, meta }) => {
    const { trace_id: traceId, span_id: _, trace_flags: __, ...rest } = meta ?? {};
    logger[LEVELS[level]]({ ...submissionOf(rest), ...rest, ...(traceId ? { traceId } : {}) }, message);
  });
}

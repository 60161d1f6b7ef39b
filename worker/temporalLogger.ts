import { DefaultLogger, type LogMetadata, type Logger as TemporalLogger } from '@temporalio/worker';
import type { Logger } from '../infrastructure/logging';
import { submissionIdIn } from '../workflows/contract';

const LEVELS = { TRACE: 'trace', DEBUG: 'debug', INFO: 'info', WARN: 'warn', ERROR: 'error' } as const;

function submissionOf({ workflowId }: LogMetadata) {
  const submissionId = typeof workflowId === 'string' ? submissionIdIn(workflowId) : null;
  return submissionId === null ? {} : { submissionId };
}

/** Writes the Temporal SDK's log entries to our log, with their submission, workflow and activity. */
export function temporalLogger(logger: Logger): TemporalLogger {
  return new DefaultLogger('DEBUG', ({ level, message, meta }) => {
    const { trace_id: traceId, span_id: _, trace_flags: __, ...rest } = meta ?? {};
    logger[LEVELS[level]]({ ...submissionOf(rest), ...rest, ...(traceId ? { traceId } : {}) }, message);
  });
}

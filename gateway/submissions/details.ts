import { linkedAbort } from '../../infrastructure/linkedAbort';
import type { Logger } from '../../infrastructure/logging';
import type { FinalFrame } from '../protocol/finalFrameSchema';
import { isFinal } from '../protocol/serverFrames';
import { acceptedIn, type SubmissionDetails, type SubmissionRecord } from '../protocol/submissionRecord';
import { PlatformUnavailable, type Submissions } from './submissionService';

export interface DetailsSettings {
  /** How long to wait for the verdict of a submission in progress, in milliseconds. */
  waitMs: number;
  /** Timeout for reading the history of a submission that is over, in milliseconds. */
  callTimeoutMs: number;
  /** Ends the wait. The result is then what is known so far. */
  signal: AbortSignal;
  logger: Logger;
}

/**
 * Returns a submission with its final frame, if it has one by the end of the wait.
 * @throws SubmissionNotFound, PlatformUnavailable
 */
export async function detailsOf(
  submissions: Submissions,
  submissionId: string,
  settings: DetailsSettings,
): Promise<SubmissionDetails> {
  const record = await submissions.status(submissionId);
  const isOver = record.status !== 'running';
  if (!isOver && settings.waitMs === 0) return { ...record, result: null };
  const result = await finalFrameOf(
    submissions,
    record,
    isOver ? settings.callTimeoutMs : settings.waitMs,
    settings,
  );
  if (result)
    return { ...record, status: result.status, reason: result.reason, message: result.message, result };
  if (isOver && !settings.signal.aborted)
    throw new PlatformUnavailable(`the history of ${submissionId} could not be read in time`);
  return { ...record, result: null };
}

async function finalFrameOf(
  submissions: Submissions,
  record: SubmissionRecord,
  ms: number,
  { signal, logger }: DetailsSettings,
): Promise<FinalFrame | null> {
  const inTime = linkedAbort([signal], ms);
  const settings = { progress: false, after: null, signal: inTime.signal, logger };
  try {
    for await (const frame of submissions.follow(acceptedIn(record), settings))
      if (isFinal(frame)) return frame;
    return null;
  } finally {
    inTime.abort();
  }
}

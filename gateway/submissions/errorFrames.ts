import { errorFrame, type ErrorFrame } from '../protocol/errorFrame';
import { NothingFollows } from '../progress/follow';
import { InputRefused } from './stdinUpdates';
import { NotTheUser } from './authorizedSubmissions';
import { UnknownPage } from './listing';
import { OperationNotFound, OperationRefused } from './operations';
import { PlatformUnavailable, SubmissionConflict, SubmissionNotFound } from './submissionService';
import { AmbiguousSubmission } from './workflowLookup';

/** Converts an error to the error frame for a valid message that could not be processed. */
export function toErrorFrame(error: unknown, submission_id?: string): ErrorFrame {
  const field = 'submission_id';
  if (error instanceof NotTheUser)
    return errorFrame('forbidden', error.message, { field: error.field, submission_id });
  if (error instanceof InputRefused) {
    const { code, limit } = error;
    const at = { conflict: 'offset', too_much_input: 'data' }[code as string] ?? field;
    return errorFrame(code, error.message, {
      field: at,
      ...(limit !== undefined && { limit }),
      submission_id,
    });
  }
  if (error instanceof SubmissionConflict || error instanceof AmbiguousSubmission)
    return errorFrame('conflict', error.message, { field, submission_id });
  if (error instanceof SubmissionNotFound)
    return errorFrame('not_found', `${error.message}, or its history has expired`, { field, submission_id });
  if (error instanceof NothingFollows)
    return errorFrame(
      'invalid_message',
      `cursor must be that of a frame before the final one: ${error.message}`,
      {
        field: 'cursor',
        submission_id,
      },
    );
  if (error instanceof OperationRefused)
    return errorFrame('conflict', error.message, { field, submission_id });
  if (error instanceof OperationNotFound)
    return errorFrame('not_found', `${error.message}, or its history has expired`, { field: 'operation_id' });
  if (error instanceof UnknownPage)
    return errorFrame('invalid_message', 'page must be the next_page of a list with the same filters', {
      field: 'page',
    });
  if (error instanceof PlatformUnavailable)
    return errorFrame('unavailable', 'the platform does not answer', {
      submission_id,
    });
  return errorFrame('internal', 'the gateway failed; a submission that has started continues', {
    submission_id,
  });
}

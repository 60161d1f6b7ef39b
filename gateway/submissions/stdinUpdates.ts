import { ApplicationFailure } from '@temporalio/common';
import { WorkflowUpdateFailedError, type Client } from '@temporalio/client';
import { INPUT_REFUSALS, INPUT_UPDATE, type InputPiece, type InputState } from '../../workflows/contract';
import type { ErrorCode } from '../protocol/errorFrame';

const CODES: Record<string, ErrorCode> = {
  [INPUT_REFUSALS.notInteractive]: 'not_interactive',
  [INPUT_REFUSALS.over]: 'not_running',
  [INPUT_REFUSALS.conflict]: 'conflict',
  [INPUT_REFUSALS.tooMuch]: 'too_much_input',
} satisfies Record<(typeof INPUT_REFUSALS)[keyof typeof INPUT_REFUSALS], ErrorCode>;

/** The submission refuses this input. */
export class InputRefused extends Error {
  override name = 'InputRefused';

  constructor(
    readonly code: ErrorCode,
    message: string,
    /** The offset at which the input must continue, or the limit that it exceeds. */
    readonly limit?: number,
  ) {
    super(message);
  }
}

/**
 * Sends input to a submission, which has stored it when this resolves.
 * @throws InputRefused, WorkflowNotFoundError if there is no such submission or it is closed
 */
export async function sendInput(client: Client, workflowId: string, piece: InputPiece): Promise<InputState> {
  try {
    const handle = client.workflow.getHandle(workflowId);
    return await handle.executeUpdate<InputState, [InputPiece]>(INPUT_UPDATE, { args: [piece] });
  } catch (error) {
    if (!(error instanceof WorkflowUpdateFailedError) || !(error.cause instanceof ApplicationFailure))
      throw error;
    const { type, message, details } = error.cause;
    const code = CODES[type ?? ''];
    if (code === undefined) throw error;
    const [limit] = (details ?? []) as [number?];
    throw new InputRefused(code, message, limit);
  }
}

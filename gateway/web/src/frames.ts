import type { ErrorFrame } from '../../protocol/errorFrame';
import type {
  CancelFrame,
  CaseFrame,
  FinalFrame as FinalFrameOnTheWire,
  StdinFrame,
  SubmissionFrame,
} from '../../protocol/serverFrames';

export type {
  CaseFrame,
  OutputFrame,
  RolloutFrame,
  StageFrame,
  StepFrame,
  TestFrame,
} from '../../protocol/serverFrames';
export type { ErrorFrame };

/** The final frame has no `type`. Declaring it lets TypeScript distinguish frames by their type. */
export type FinalFrame = FinalFrameOnTheWire & { type?: undefined };

/** Frames of the gateway that the page shows. */
export type Frame =
  | Exclude<SubmissionFrame, FinalFrameOnTheWire | { type: 'case' }>
  | CaseFrame
  | FinalFrame
  | CancelFrame
  | StdinFrame
  | ErrorFrame;

/** Whether an error only means that input was refused. The submission then continues. */
export function isInputError({ code }: ErrorFrame): boolean {
  return ['conflict', 'not_running', 'not_interactive', 'too_much_input'].includes(code);
}

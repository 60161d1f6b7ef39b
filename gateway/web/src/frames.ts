import type { FinalStatus } from '../../../workflows/contract';

/** Frames of the gateway, as far as the page shows them. docs/protocol.md has all of it. */

interface Placed {
  submission_id: string;
  cursor?: string;
}

export interface AcceptedFrame extends Placed {
  type: 'accepted';
  workflow_id: string;
  run_id: string;
  at: string;
}

export interface StageFrame extends Placed {
  type: 'stage';
  stage: string;
  state:
    'started' | 'completed' | 'deferred' | 'failed' | 'cancelled' | 'retrying' | 'queued' | 'executed_again';
  at: string;
  attempt?: number;
  position?: number;
  duration_ms?: number;
  message?: string;
}

export interface OutputFrame extends Placed {
  type: 'output';
  step: string;
  stream: 'stdout' | 'stderr';
  text?: string;
  /** Base64, in place of `text`. */
  data?: string;
  omitted_bytes?: number;
}

export interface StepFrame extends Placed {
  type: 'step';
  step: string;
  state: 'passed' | 'failed' | 'skipped';
  duration_ms?: number;
  peak_memory_bytes?: number;
}

export interface TestFrame extends Placed {
  type: 'test';
  name: string;
  outcome: string;
  duration_ms: number;
  message: string | null;
}

/** A case that ended, before all have; `test` frames come when they have. */
export interface CaseFrame extends Placed {
  type: 'case';
  index: number;
  total: number;
  name: string;
  outcome: string;
  duration_ms: number;
}

export interface RolloutFrame extends Placed {
  type: 'rollout';
  outcome: 'live' | 'failed' | 'superseded';
  reason: string | null;
  message: string | null;
}

export interface CancelFrame extends Placed {
  type: 'cancel';
  state: 'requested' | 'over';
}

/** How much input was taken that came while it runs. */
export interface StdinFrame extends Placed {
  type: 'stdin';
  /** Bytes, of all that came so. */
  received: number;
  eof: boolean;
}

export interface ErrorFrame {
  type: 'error';
  code: string;
  field?: string;
  message: string;
  submission_id?: string;
}

/** Whether an error only says that input was not taken: the submission goes on. */
export function isOfInput({ code }: ErrorFrame): boolean {
  return ['conflict', 'not_running', 'not_interactive', 'too_much_input'].includes(code);
}

export interface FinalFrame extends Placed {
  type?: undefined;
  status: FinalStatus;
  namespace: string;
  reason: string;
  message: string;
  exit_code: number | null;
  signal: string | null;
  error: { message: string; file: string | null; line: number | null } | null;
  tests: { total: number; passed: number; skipped?: number } | null;
  wall_ms: number | null;
  cpu_ms: number | null;
  peak_memory_bytes: number | null;
  live: { submission_id: string } | null;
  durations_ms: Record<string, number>;
  workflow_id: string;
  run_id: string;
}

export type Frame =
  | AcceptedFrame
  | StageFrame
  | OutputFrame
  | StepFrame
  | TestFrame
  | CaseFrame
  | RolloutFrame
  | CancelFrame
  | StdinFrame
  | ErrorFrame
  | FinalFrame;

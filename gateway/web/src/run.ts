import type {
  CaseFrame,
  ErrorFrame,
  FinalFrame,
  Frame,
  RolloutFrame,
  StageFrame,
  StepFrame,
  TestFrame,
} from './frames';
import { isInputError } from './frames';

/** The state of a submission, built from its frames. */
export interface Run {
  id: string;
  stages: StageFrame[];
  output: Segment[];
  steps: StepFrame[];
  tests: TestFrame[];
  /** Test cases that have ended, until all have. */
  cases: CaseFrame[];
  rollout: RolloutFrame | null;
  final: FinalFrame | null;
  error: ErrorFrame | null;
  /** Why the last input was refused. */
  notice: string | null;
  cancelling: boolean;
  /** Input that was sent while it runs; null for a program that takes none. */
  input: { received: number; eof: boolean } | null;
  workflow: { id: string; runId: string } | null;
}

/** Consecutive text of one stream. */
export interface Segment {
  stream: 'stdout' | 'stderr' | 'note';
  text: string;
}

/** Maximum output that is shown. Beyond it, the first characters are dropped. */
const MAX_OUTPUT_CHARACTERS = 400_000;

/** @param interactive whether it takes input while it runs */
export function newRun(id: string, interactive = false): Run {
  return {
    id,
    stages: [],
    output: [],
    steps: [],
    tests: [],
    cases: [],
    rollout: null,
    final: null,
    error: null,
    notice: null,
    cancelling: false,
    input: interactive ? { received: 0, eof: false } : null,
    workflow: null,
  };
}

/** Returns the run after one more frame. */
export function applyFrame(run: Run, frame: Frame): Run {
  if (frame.type === undefined)
    return { ...run, final: frame, workflow: { id: frame.workflow_id, runId: frame.run_id }, error: null };
  switch (frame.type) {
    case 'accepted':
      return { ...run, workflow: { id: frame.workflow_id, runId: frame.run_id } };
    case 'stage':
      return {
        ...run,
        stages: withStage(run.stages, frame),
        output: frame.state === 'executed_again' ? [] : run.output,
      };
    case 'output':
      return { ...run, output: withOutput(run.output, frame) };
    case 'step':
      return { ...run, steps: [...run.steps, frame] };
    case 'case':
      return { ...run, cases: [...run.cases.filter(({ index }) => index < frame.index), frame] };
    case 'test':
      return { ...run, tests: [...run.tests, frame] };
    case 'rollout':
      return { ...run, rollout: frame };
    case 'cancel':
      return { ...run, cancelling: frame.state === 'requested' };
    case 'stdin':
      return { ...run, input: { received: frame.received, eof: frame.eof } };
    case 'error':
      return { ...run, ...(isInputError(frame) ? { notice: frame.message } : { error: frame }) };
  }
}

export function hasEnded({ final, error }: Run): boolean {
  return final !== null || error !== null;
}

/** Updates a stage in the list. It keeps its start time while it is in progress. */
function withStage(stages: StageFrame[], frame: StageFrame): StageFrame[] {
  const last = stages.findLastIndex(({ stage }) => stage === frame.stage);
  const previous = stages[last];
  if (!previous || (frame.state === 'started' && hasStageEnded(previous))) return [...stages, frame];
  const at = hasStageEnded(frame) ? frame.at : previous.at;
  return stages.map((each, index) => (index === last ? { ...frame, at } : each));
}

export function hasStageEnded({ state }: StageFrame): boolean {
  return ['completed', 'deferred', 'failed', 'cancelled'].includes(state);
}

function withOutput(output: Segment[], frame: Extract<Frame, { type: 'output' }>): Segment[] {
  const omitted = frame.omitted_bytes ?? 0;
  const added: Segment =
    omitted > 0
      ? { stream: 'note', text: `\n… ${omitted.toLocaleString()} bytes were not kept …\n` }
      : { stream: frame.stream, text: frame.text ?? decode(frame.data ?? '') };
  const last = output.at(-1);
  const joined =
    last?.stream === added.stream
      ? [...output.slice(0, -1), { ...last, text: last.text + added.text }]
      : [...output, added];
  return truncate(joined);
}

function decode(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return new TextDecoder().decode(bytes);
}

function truncate(output: Segment[]): Segment[] {
  let excess = output.reduce((sum, { text }) => sum + text.length, 0) - MAX_OUTPUT_CHARACTERS;
  if (excess <= 0) return output;
  return output.flatMap((segment) => {
    const cut = Math.min(Math.max(excess, 0), segment.text.length);
    excess -= cut;
    return cut === segment.text.length ? [] : [{ ...segment, text: segment.text.slice(cut) }];
  });
}

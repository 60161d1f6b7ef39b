import type { StepReport, TestReport } from '../../workflows/contract';
import { STAGE_OF_ACTIVITY } from '../../workflows/contract';
import type { OutputCursor, OutputPlace } from '../protocol/cursor';
import type { OutputFrame, StageFrame, Unplaced } from '../protocol/serverFrames';
import { capturedBytes, type CapturedBytes } from './capturedBytes';
import { firstChunk, frameOf, STREAMS, type Chunk, type Stream } from './chunks';

/** A frame about output, and its cursor. */
export interface EmittedFrame {
  frame: Unplaced<OutputFrame> | Unplaced<StageFrame>;
  cursor: OutputCursor;
}

/** How a test case ended, before all of them have. */
export interface EndedCase {
  number: number;
  total: number;
  name: string;
  outcome: string;
  durationMs: number;
}

/** A chunk that arrived while its execution was in progress. */
export interface LiveChunk extends Chunk {
  execution: string;
  /** Whether this execution replaces an earlier one, whose pod is gone. */
  again: boolean;
}

/**
 * Emits the output of the tests that one activity runs: live as it arrives, then the rest from the report.
 * Emits each byte once: the client's cursor shows what another gateway has already emitted.
 */
export class OutputEmitter {
  /** @param event the event that scheduled the activity @param told the output that the client already has */
  constructor(
    private readonly event: number,
    private told: OutputPlace | null,
  ) {}

  get place(): OutputPlace | null {
    return this.told;
  }

  /** Emits a chunk. One that does not start at the next offset is left for the report. */
  *live({ execution, again, ...piece }: LiveChunk, at: string): Generator<EmittedFrame> {
    if (this.told?.execution !== execution) yield* this.begin(execution, again, at);
    if (this.told?.[piece.stream] === piece.offset) yield this.tell(piece);
  }

  /** Emits the output in the report that was not emitted yet. */
  *rest({ steps, executedAgain }: TestReport, at: string): Generator<EmittedFrame> {
    const going = steps.findIndex(({ executionId }) => executionId === this.told?.execution);
    let again = this.told === null ? executedAgain : going === -1;
    for (const step of steps.slice(Math.max(going, 0))) {
      if (step.executionId !== this.told?.execution) yield* this.begin(step.executionId, again, at);
      again = false;
      for (const stream of STREAMS) yield* this.restOf(step, stream);
    }
  }

  private *begin(execution: string, again: boolean, at: string): Generator<EmittedFrame> {
    this.told = { execution, stdout: 0, stderr: 0 };
    if (!again) return;
    const stage = STAGE_OF_ACTIVITY.runTests;
    yield { frame: { type: 'stage', stage, state: 'executed_again', at }, cursor: this.cursor() };
  }

  private *restOf(report: StepReport, stream: Stream): Generator<EmittedFrame> {
    const kept = capturedBytes(report[stream]);
    const tailStart = kept.bytes - kept.tail.length;
    const { step } = report;
    yield* this.pieces(step, stream, 0, kept.head);
    const offset = this.offsetIn(stream);
    if (offset < tailStart) {
      const frame = {
        ...frameOf({ step, stream, offset, data: Buffer.alloc(0) }),
        omitted_bytes: tailStart - offset,
      };
      this.advance(stream, tailStart - offset);
      yield { frame, cursor: this.cursor() };
    }
    yield* this.pieces(step, stream, tailStart, kept.tail);
  }

  /** Emits those bytes that were not emitted yet. The first byte is at the offset `start`. */
  private *pieces(
    step: string,
    stream: Stream,
    start: number,
    data: CapturedBytes['head'],
  ): Generator<EmittedFrame> {
    let rest = data.subarray(Math.max(this.offsetIn(stream) - start, 0));
    while (rest.length > 0) {
      const piece = firstChunk(rest);
      rest = rest.subarray(piece.length);
      yield this.tell({ step, stream, offset: this.offsetIn(stream), data: piece });
    }
  }

  private tell(piece: Chunk): EmittedFrame {
    this.advance(piece.stream, piece.data.length);
    return { frame: frameOf(piece), cursor: this.cursor() };
  }

  private offsetIn(stream: Stream): number {
    return this.told?.[stream] ?? 0;
  }

  private advance(stream: Stream, bytes: number): void {
    if (this.told) this.told = { ...this.told, [stream]: this.told[stream] + bytes };
  }

  private cursor(): OutputCursor {
    if (!this.told) throw new Error('Output is told of an execution.');
    return { event: this.event, output: this.told };
  }
}

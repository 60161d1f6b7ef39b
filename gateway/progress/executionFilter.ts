import type { LogEvent } from '../../infrastructure/kubernetes/logs/podLog';
import { STEPS } from '../../workflows/contract';
import type { OutputPlace } from '../protocol/cursor';
import type { Stream } from './chunks';
import type { EndedCase } from './outputEmitter';

/** Output of an execution as the log has it. */
export interface LoggedOutput {
  execution: string;
  step: string;
  /** Whether this execution takes the place of an earlier one, whose pod is gone. */
  again: boolean;
  stream: Stream;
  offset: number;
  data: Buffer;
}

type Execution = Pick<LoggedOutput, 'execution' | 'step' | 'again'>;

/** Finds in the log of a pod, which runs one execution after another, those of one submission's tests. */
export class ExecutionFilter {
  private current: Execution | null = null;
  /** Number of the last case that was told. */
  private lastCase = 0;
  private last: { execution: string; step: string | null } | null;
  /** The execution that was told before: what stands before it in the log was told too. */
  private awaited: string | null;

  /** @param keyPrefix of the keys of these tests; the step's name comes after it */
  constructor(
    private readonly keyPrefix: string,
    told: OutputPlace | null,
  ) {
    this.last = told && { execution: told.execution, step: null };
    this.awaited = told?.execution ?? null;
  }

  take(event: LogEvent): LoggedOutput[] {
    if (event.type === 'reopened') {
      this.current = null;
      this.awaited = event.sameContainer ? (this.last?.execution ?? null) : null;
      if (!event.sameContainer && this.last) this.last.step = ANOTHER_POD;
      return [];
    }
    return event.lines.flatMap((line) => {
      if (line.type === 'start') this.started(line.key, line.execution);
      else if (line.type === 'end') this.current = null;
      else if (line.type === 'output' && this.current) {
        const { stream, offset, data } = line;
        return [{ ...this.current, stream, offset, data }];
      }
      return [];
    });
  }

  /** Cases of these tests that have ended, each once. */
  cases(event: LogEvent): EndedCase[] {
    if (event.type === 'reopened') {
      // Another pod executes them again.
      if (!event.sameContainer) this.lastCase = 0;
      return [];
    }
    return event.lines.flatMap((line) => {
      if (line.type !== 'case' || !line.key.startsWith(this.keyPrefix) || line.number <= this.lastCase)
        return [];
      this.lastCase = line.number;
      const { number, total, name, outcome, durationMs } = line;
      return [{ number, total, name, outcome, durationMs }];
    });
  }

  private started(key: string, execution: string): void {
    this.current = null;
    const step = key.startsWith(this.keyPrefix) ? key.slice(this.keyPrefix.length) : '';
    // Cases are many short executions, whose output is not told live.
    if (!(STEPS as readonly string[]).includes(step)) return;
    if (this.awaited !== null && this.awaited !== execution) return;
    this.awaited = null;
    const isNew = this.last !== null && this.last.execution !== execution;
    const again = isNew && (this.last?.step === step || this.last?.step === ANOTHER_POD);
    this.last = { execution, step };
    this.current = { execution, step, again };
  }
}

/** Stands for the step of an execution whose pod is gone: whatever comes next is executed again. */
const ANOTHER_POD = '';

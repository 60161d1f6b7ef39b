import type { LogEvent } from '../../infrastructure/kubernetes/logs/podLog';
import { STEPS } from '../../workflows/contract';
import type { OutputPlace } from '../protocol/cursor';
import type { Stream } from './chunks';
import type { EndedCase } from './outputEmitter';

/** Output of an execution, read from the log of a pod. */
export interface LoggedOutput {
  execution: string;
  step: string;
  /** Whether this execution replaces an earlier one, whose pod is gone. */
  again: boolean;
  stream: Stream;
  offset: number;
  data: Buffer;
}

type Execution = Pick<LoggedOutput, 'execution' | 'step' | 'again'>;

/**
 * Finds the executions of one submission's tests in the log of a pod, which runs one execution after another.
 */
export class ExecutionFilter {
  private current: Execution | null = null;
  /** Number of the last test case that was returned. */
  private lastCase = 0;
  private last: { execution: string; step: string | null } | null;
  /** The execution to continue with. Everything before it in the log was already emitted. */
  private awaited: string | null;

  /** @param keyPrefix prefix of the keys of these tests; the name of the step follows it */
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

  /** Returns the test cases that have ended, each once. */
  cases(event: LogEvent): EndedCase[] {
    if (event.type === 'reopened') {
      // A new pod executes the test cases again.
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
    // Test cases are many short executions, whose output is not streamed.
    if (!(STEPS as readonly string[]).includes(step)) return;
    if (this.awaited !== null && this.awaited !== execution) return;
    this.awaited = null;
    const isNew = this.last !== null && this.last.execution !== execution;
    const again = isNew && (this.last?.step === step || this.last?.step === ANOTHER_POD);
    this.last = { execution, step };
    this.current = { execution, step, again };
  }
}

/** Marks that the pod of the last execution is gone: the next step is executed again, whichever it is. */
const ANOTHER_POD = '';

import type { Program } from '../activities/ports';
import type { TestSummary } from './contract';

/**
 * A program as it passed its tests: its requirements in the versions of then, since what is newest later was never tested
 * with it; and whether it serves.
 */
export function asTested(program: Program, { installed, steps = [] }: Tested): Program {
  return {
    ...program,
    requirements: installed ?? program.requirements,
    ...(steps.some(({ serving }) => serving) && { serves: true }),
  };
}

/** What is remembered of tests; that of old submissions may be less. */
interface Tested {
  installed?: string[] | undefined;
  steps?: Pick<TestSummary['steps'][number], 'serving'>[];
}

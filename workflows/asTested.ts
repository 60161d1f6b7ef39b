import type { Program } from '../activities/ports';
import type { TestSummary } from './contract';

/**
 * A program as it passed its tests: with the versions of its requirements that were tested, because newer
 * ones never were; and whether it serves.
 */
export function withTestedVersions(program: Program, { installed, steps = [] }: Tested): Program {
  return {
    ...program,
    requirements: installed ?? program.requirements,
    ...(steps.some(({ serving }) => serving) && { serves: true }),
  };
}

/** The stored results of tests. Those of old submissions may lack members. */
interface Tested {
  installed?: string[] | undefined;
  steps?: Pick<TestSummary['steps'][number], 'serving'>[];
}

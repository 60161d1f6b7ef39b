import { expectTheSame, plainProgram, suitesOf } from './comparison';
import { node, python, run, verdictOf, withPytest, type Framework } from './runners';

/**
 * The platform's results for generated suites match those of the frameworks, for runs that end by themselves:
 * many suites of any kind in one process, and a few small runs that mostly pass, to compare verdicts.
 */
const runs: [number, number, 'good' | 'any'][] = [
  [14, 12, 'any'],
  [15, 2, 'good'],
  [16, 1, 'good'],
  [17, 1, 'any'],
  [18, 2, 'any'],
];

const described: [Framework, jest.Describe][] = [
  ['pytest', withPytest() === null ? describe.skip : describe],
  ['unittest', describe],
  ['test', describe],
];

for (const [framework, describeIt] of described)
  describeIt(framework, () => {
    test.each(runs)(
      'suites of seed %i',
      async (seed, many, only) => {
        const files = suitesOf(framework, seed, many, only);
        const program = framework === 'test' ? 'main.js' : 'main.py';
        const command = [framework === 'test' ? await node() : python(), program, ...Object.keys(files)];
        const plain = await run(command, { ...files, [program]: plainProgram(framework) });
        const { outcome, counts, tests } = await verdictOf(framework, files);
        if (!counts) throw new Error('There are no counts.');
        expectTheSame(framework, files, plain.stdout, { passes: outcome === 'passed', counts, tests });
      },
      120_000,
    );
  });

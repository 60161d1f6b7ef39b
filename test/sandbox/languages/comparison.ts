import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Random } from '../../chaos/random';
import type { Files, Framework } from './runners';
import { suiteOf } from './suites';

/** The platform's results for some tests. */
export interface Made {
  passes: boolean;
  counts: { total: number; passed: number; failed?: number; skipped?: number };
  tests: { name: string; outcome: string }[];
}

/** Files with generated suites: the same seed gives the same suites. */
export function suitesOf(framework: Framework, seed: number, many: number, only: 'good' | 'any'): Files {
  const random = new Random(seed);
  const name = (index: number) => (framework === 'test' ? `g${index}` : `test_g${index}`);
  const suites = Array.from({ length: many }, (_, index) => suiteOf(framework, random, name(index), only));
  return Object.assign({}, ...suites) as Files;
}

/** A program that runs the plain framework on the files in its arguments, and prints the results. */
export function plainProgram(framework: Framework): string {
  const name = framework === 'test' ? 'plain_node.cjs' : `plain_${framework}.py`;
  return readFileSync(join(__dirname, 'plain', name), 'utf8');
}

/** @param printed the output of the plain program */
export function expectTheSame(framework: Framework, files: Files, printed: string, made: Made): void {
  const last = printed.trimEnd().split('\n').at(-1) ?? '';
  if (!last.startsWith('{')) throw new Error(`The framework alone printed ${JSON.stringify(printed)}.`);
  const { code, ...plain } = JSON.parse(last) as {
    code: number;
    tests?: Record<string, string>;
    tap?: string;
  };
  if (plain.tap !== undefined) return expectAsNode(files, plain.tap, code, made);
  const { tests = {} } = plain;
  const name = framework === 'pytest' ? inJUnit : (given: string) => given;
  const outcomes = made.tests.map((each) => [
    name(each.name),
    each.outcome === 'error' ? 'failed' : each.outcome,
  ]);
  expect(Object.fromEntries(outcomes)).toEqual(tests);
  const of = (outcome: string) => Object.values(tests).filter((each) => each === outcome).length;
  const counts = {
    total: Object.keys(tests).length,
    passed: of('passed'),
    failed: of('failed'),
    skipped: of('skipped'),
  };
  // When the setup of a class fails, unittest does not report its tests, although they were found.
  expect(made.counts).toMatchObject(framework === 'pytest' ? counts : { passed: counts.passed });
  expect(made.passes).toBe(code === 0);
}

function inJUnit(name: string): string {
  const module = name.replace(/\.py(?=::|$)/, '');
  return module.replaceAll('/', '.').replaceAll('::', '.');
}

function expectAsNode(files: Files, tap: string, code: number, { passes, counts, tests }: Made): void {
  const number = (name: string) => Number(new RegExp(`^# ${name} (\\d+)$`, 'm').exec(tap)?.[1]);
  // Node counts a file without tests as passed, and does not count a suite that failed by itself.
  const empty = Object.keys(files).filter((name) =>
    new RegExp(`^ok \\d+ - \\S*/${name}$`, 'm').test(tap),
  ).length;
  const suites = tests.filter(({ name, outcome }) => outcome === 'error' && !(name in files)).length;
  expect({ ...counts, failed: (counts.failed ?? 0) - suites }).toEqual({
    total: number('tests') - empty + suites,
    passed: number('pass') - empty,
    failed: number('fail') + number('cancelled'),
    skipped: number('skipped') + number('todo'),
  });
  expect(passes).toBe(code === 0 && number('tests') > empty);
}

import { UsageError } from '../../infrastructure/commandLine';
import { apartOf, KINDS, MAIN_KINDS } from './kinds';
import { optionsIn } from './options';
import { quantiles } from './report';
import { plan, shortPlan } from './schedule';

/** The same seed gives the same faults, and options are parsed correctly. */

const wanted = { seed: 7, minutes: 30, faults: 220, only: [] };

test('a seed gives one schedule, and another seed another one', () => {
  expect(plan(wanted)).toEqual(plan(wanted));
  expect(plan({ ...wanted, seed: 8 })).not.toEqual(plan(wanted));
  expect(shortPlan(7, 3)).toEqual(shortPlan(7, 3));
});

test('a long run has every kind, in order, within its time, and apart', () => {
  const faults = plan(wanted);
  expect(faults).toHaveLength(220);
  expect(new Set(faults.map(({ kind }) => kind))).toEqual(new Set(KINDS));
  expect(faults.map(({ at }) => at)).toEqual(faults.map(({ at }) => at).sort((one, other) => one - other));
  expect(faults.at(-1)!.at).toBeLessThanOrEqual(30 * 60_000);
  for (const kind of KINDS) {
    const times = faults.filter((fault) => fault.kind === kind).map(({ at }) => at);
    for (const [place, at] of times.slice(1).entries())
      expect(at - times[place]!).toBeGreaterThanOrEqual(apartOf(kind));
  }
});

test('only the kinds that were asked for', () => {
  const kinds = plan({ ...wanted, only: ['temporal.kill', 'etcd.kill'] }).map(({ kind }) => kind);
  expect(new Set(kinds)).toEqual(new Set(['temporal.kill', 'etcd.kill']));
});

test('the short form has one of each main kind', () => {
  expect(shortPlan(1, 3).map(({ kind }) => kind)).toEqual(MAIN_KINDS);
});

test('options have defaults, and a wrong one is named', () => {
  expect(optionsIn([], () => 5)).toEqual({
    ...{ short: false, minutes: 5, seed: 5, faults: 35, rate: 1, only: [], report: null },
  });
  expect(optionsIn(['--seed', '3', '--minutes', '30', '--only', 'etcd.kill'], () => 5)).toMatchObject({
    ...{ seed: 3, minutes: 30, faults: 210, only: ['etcd.kill'] },
  });
  for (const args of [
    ['--seed', 'x'],
    ['--minutes', '0'],
    ['--only', 'nothing'],
    ['--nonsense'],
    ['--faults', ''],
  ])
    expect(() => optionsIn(args, () => 5)).toThrow(UsageError);
});

test('quantiles are values that were measured', () => {
  expect(quantiles([3, 1, 2])).toEqual({ p50: 2, p95: 3 });
  expect(quantiles([])).toEqual({ p50: null, p95: null });
});

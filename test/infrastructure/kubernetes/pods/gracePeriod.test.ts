import { GracePeriod } from '../../../../infrastructure/kubernetes/pods/gracePeriod';
import type { Problem } from '../../../../infrastructure/kubernetes/pods/problem';

const problem = (reason: Problem['reason'], graceMs: number): Problem => ({
  reason,
  graceMs,
  message: '',
  pod: null,
});

let now = 0;
const patience = () => new GracePeriod(() => now);
beforeEach(() => (now = 1_000));

it('a problem without grace is final at once', () => {
  expect(patience().isOver(problem('crash_loop', 0))).toBe(true);
});

it('a problem with grace is final when it has lasted that long', () => {
  const waiting = patience();
  expect(waiting.isOver(problem('quota', 500))).toBe(false);
  now += 499;
  expect(waiting.isOver(problem('quota', 500))).toBe(false);
  now += 1;
  expect(waiting.isOver(problem('quota', 500))).toBe(true);
});

it('starts again when the problem went away or became another', () => {
  const waiting = patience();
  waiting.isOver(problem('quota', 500));
  now += 400;
  waiting.isOver(null);
  now += 400;
  expect(waiting.isOver(problem('quota', 500))).toBe(false);
  now += 400;
  expect(waiting.isOver(problem('unschedulable', 500))).toBe(false);
});

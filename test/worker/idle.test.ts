import { createLogger } from '../../infrastructure/logging';
import { sweepRegularly } from '../../worker/idle';

const logger = createLogger('worker', 'fatal');

test('a sweep that fails is tried again, and none begins after the stop', async () => {
  let sweeps = 0;
  const { again, reached } = waiting();
  const { stop } = sweepRegularly(
    () => {
      sweeps += 1;
      if (sweeps === 3) again();
      return sweeps === 1 ? Promise.reject(new Error('no cluster')) : Promise.resolve([]);
    },
    logger,
    1,
  );
  await reached;
  await stop();
  const before = sweeps;
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(sweeps).toBe(before);
});

function waiting() {
  let again: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => (again = resolve));
  return { again: () => again(), reached };
}

import pino from 'pino';
import { bindOnce } from '../../worker/bindings';

const logger = pino({ level: 'silent' });

test('what cannot be bound is tried again until it succeeds, and then no more', async () => {
  const bind = jest.fn<Promise<string[]>, []>();
  bind.mockRejectedValueOnce(new Error('the API server is away'));
  const second = new Promise<void>((resolve) => {
    bind.mockImplementation(() => {
      resolve();
      return Promise.resolve(['user-ada']);
    });
  });
  const binding = bindOnce(bind, logger, 1);
  await second;
  await binding.stop();
  expect(bind).toHaveBeenCalledTimes(2);
});

test('a worker that stops does not wait for the next attempt', async () => {
  const binding = bindOnce(() => Promise.reject(new Error('away')), logger, 3_600_000);
  await binding.stop();
});

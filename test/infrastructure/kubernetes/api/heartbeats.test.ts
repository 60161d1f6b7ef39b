import { withHeartbeats } from '../../../../infrastructure/kubernetes/api/heartbeats';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

test('work sends a heartbeat every second until it ends, and its result is returned', async () => {
  const heartbeat = jest.fn();
  let finish: (result: string) => void = () => undefined;
  const work = new Promise<string>((resolve) => (finish = resolve));
  const result = withHeartbeats({ heartbeat }, { waitingFor: 'the dump' }, () => work);
  await jest.advanceTimersByTimeAsync(2_500);
  expect(heartbeat.mock.calls).toEqual([[{ waitingFor: 'the dump' }], [{ waitingFor: 'the dump' }]]);
  finish('done');
  expect(await result).toBe('done');
  await jest.advanceTimersByTimeAsync(5_000);
  expect(heartbeat).toHaveBeenCalledTimes(2);
});

test('work that fails sends no more heartbeats, and its error is thrown', async () => {
  const heartbeat = jest.fn();
  const failure = new Error('failed');
  await expect(withHeartbeats({ heartbeat }, {}, () => Promise.reject(failure))).rejects.toBe(failure);
  await jest.advanceTimersByTimeAsync(5_000);
  expect(heartbeat).not.toHaveBeenCalled();
});

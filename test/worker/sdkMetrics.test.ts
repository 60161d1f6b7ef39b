import { Runtime } from '@temporalio/worker';
import { randomInt } from 'node:crypto';
import type * as crypto from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { installRuntime } from '../../worker/metrics/sdkMetrics';

const { randomInt: random } = jest.requireActual<typeof crypto>('node:crypto');
jest.mock('node:crypto', () => ({
  ...jest.requireActual<typeof crypto>('node:crypto'),
  randomInt: jest.fn(),
}));
const chosen = jest.mocked(randomInt as (min: number, max: number) => number);

test('an error that is not a taken port is thrown at once', () => {
  chosen.mockReturnValue(70_000);
  expect(() => installRuntime({}, { metrics: true })).toThrow('invalid socket address');
  expect(chosen).toHaveBeenCalledTimes(1);
});

test("the SDK's metrics get another port when the ones they try are taken", async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  const { port } = taken.address() as AddressInfo;
  chosen.mockReset().mockImplementation(random);
  for (let attempt = 0; attempt < 10; attempt++) chosen.mockReturnValueOnce(port);
  try {
    const read = installRuntime({}, { metrics: true });
    expect(chosen.mock.calls.length).toBeGreaterThan(10);
    await expect(read()).resolves.toEqual(expect.any(String));
  } finally {
    taken.close();
    await Runtime.instance().shutdown();
  }
});

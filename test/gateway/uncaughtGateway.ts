import pino from 'pino';
import { createMetrics } from '../../gateway/metrics';
import { startServer } from '../../gateway/server';
import { survivesUncaught } from '../../gateway/uncaught';
import { FakeSubmissions } from './fakeSubmissions';
import { rules } from './protocol/rules';

/**
 * A process with a gateway whose parts throw uncaught errors, for uncaught.test.ts. It prints its log, and
 * one line with its URL.
 */

/** Throws in an event handler, in a timer or in a promise, and never answers. */
function failLater(where: string): Promise<never> {
  const error = new TypeError(`a bug in ${where}`);
  if (where === 'a-timer') setTimeout(() => throwIt(error), 1);
  if (where === 'a-promise') void Promise.resolve().then(() => throwIt(error));
  if (where === 'a-callback') process.nextTick(() => throwIt(error));
  return new Promise(() => undefined);
}

function throwIt(error: Error): never {
  throw error;
}

class FailingSubmissions extends FakeSubmissions {
  override list(): Promise<never> {
    return failLater('a-timer');
  }

  override submit(): Promise<never> {
    return failLater('a-timer');
  }
}

async function main(): Promise<void> {
  const logger = pino({ level: 'error' });
  const metrics = createMetrics();
  const drain = survivesUncaught({ logger, metrics, drainAfterMs: Number(process.env['DRAIN_AFTER_MS']) });
  const server = await startServer(
    { API_KEY: 'a key for the tests only', HOST: '127.0.0.1', PORT: 0 },
    { submissions: new FailingSubmissions(), rules, logger, metrics, programAddress: failLater },
  );
  process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);
  await drain;
  server.leave();
  await server.close();
  process.exitCode = 3;
}

void main();

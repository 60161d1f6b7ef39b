import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../../logging';
import type { Kube } from '../api/client';
import { linesOf, openLog } from './stream';
import { parseLogLine, type LogLine } from '../testPod/logLines';
import { namespaceOf, RUNNER_CONTAINER, testPodOf } from '../testPod/names';

export type LogEvent =
  | { type: 'lines'; lines: LogLine[] }
  /** The log or its container ended, and the log was opened again. What follows starts again at `since`. */
  | { type: 'reopened'; sameContainer: boolean };

export interface LogOptions {
  /** Time of the first line, by the clock of the node. */
  since: Date;
  /** Its abort stops following the log. */
  signal: AbortSignal;
  logger: Logger;
}

/** Pauses before a log is opened again, in milliseconds. */
const PAUSE = { first: 200, factor: 2, longest: 2_000 };

/** A connection that lasted this long resets the pause, in milliseconds. */
const GOOD_MS = 1_000;

/**
 * Follows the log of a user's test pod until the signal is aborted. Waits for a pod that is missing, a
 * container that restarts and an API server that is unavailable; never throws.
 */
export async function* followPodLog(
  kube: Kube,
  userId: string,
  { since, signal, logger }: LogOptions,
): AsyncGenerator<LogEvent> {
  let container: Promise<string | null> | null = null;
  let known: string | null = null;
  let pause = PAUSE.first;
  while (!signal.aborted) {
    const openedAt = Date.now();
    try {
      const before: Promise<string | null> | null = container;
      container = containerOf(kube, userId);
      if (before !== null) {
        known = (await before) ?? known;
        const now = await container;
        // If this is unknown, assume the same container, so that no line is delivered twice.
        yield { type: 'reopened', sameContainer: known === null || now === null || now === known };
      }
      for await (const lines of linesOf(await open(kube, userId, since, signal))) {
        const read = lines.map(parseLogLine).filter((line) => line !== null);
        if (read.length > 0) yield { type: 'lines', lines: read };
      }
    } catch (error) {
      if (signal.aborted) return;
      logger.debug({ err: error, userId, pauseMs: pause }, 'failed to read the log of the test pod');
    }
    if (Date.now() - openedAt > GOOD_MS) pause = PAUSE.first;
    await wait(pause, undefined, { signal }).catch(() => undefined);
    pause = Math.min(pause * PAUSE.factor, PAUSE.longest);
  }
}

function open(kube: Kube, userId: string, since: Date, signal: AbortSignal): Promise<IncomingMessage> {
  const address = { namespace: namespaceOf(userId), pod: testPodOf(userId), container: RUNNER_CONTAINER };
  return openLog(kube, address, { follow: 'true', sinceTime: since.toISOString() }, signal);
}

/** The id of the test pod's running container; each container has its own log. Null when it is unknown. */
async function containerOf(kube: Kube, userId: string): Promise<string | null> {
  try {
    const { status } = await kube.core.readNamespacedPod({
      name: testPodOf(userId),
      namespace: namespaceOf(userId),
    });
    const runner = status?.containerStatuses?.find(({ name }) => name === RUNNER_CONTAINER);
    return runner?.containerID ?? null;
  } catch {
    return null;
  }
}

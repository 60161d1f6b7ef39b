import type { IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from '../../logging';
import type { Kube } from '../api/client';
import { linesOf, openLog } from './stream';
import { parseLogLine, type LogLine } from '../testPod/logLines';
import { namespaceOf, RUNNER_CONTAINER, testPodOf } from '../testPod/names';

export type LogEvent =
  | { type: 'lines'; lines: LogLine[] }
  /** The log ended early, or its container did. What follows begins again at the moment that was asked for. */
  | { type: 'reopened'; sameContainer: boolean };

export interface LogOptions {
  /** Where to begin, by the clock of the node. */
  since: Date;
  /** Ends the following. */
  signal: AbortSignal;
  logger: Logger;
}

/** Pauses before a log is opened again, in milliseconds. */
const PAUSE = { first: 200, factor: 2, longest: 2_000 };

/** A connection that lived so long was a good one, in milliseconds. */
const GOOD_MS = 1_000;

/**
 * Follows the log of a user's test pod until the signal is aborted. A pod that is missing, a container that
 * restarts and an API server that is away are waited for: nothing is thrown.
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
        // When nobody knows, it is taken for the same: nothing is told twice then.
        yield { type: 'reopened', sameContainer: known === null || now === null || now === known };
      }
      for await (const lines of linesOf(await open(kube, userId, since, signal))) {
        const read = lines.map(parseLogLine).filter((line) => line !== null);
        if (read.length > 0) yield { type: 'lines', lines: read };
      }
    } catch (error) {
      if (signal.aborted) return;
      logger.debug({ err: error, userId, pauseMs: pause }, 'the log of the test pod cannot be read');
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

/** Names the running container of the test pod; another one has another log. Null when it is not known. */
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

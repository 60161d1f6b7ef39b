import type { RunRequest, TestRunner } from '../../../activities/ports';
import type { Language } from '../../../sandbox/languages/languages';
import type { Kube } from '../api/client';
import { PlatformError } from '../api/errors';
import { Attempt } from './attempt';
import { wasKilledForMemory } from './killedForMemory';
import { PodStreams } from './podStreams';
import type { PodStreamsSettings } from './podStreams';
import { feed, read, writeLogLine } from './supervisorRequests';

/** The interface `TestRunner` of activities/ports.ts, with two methods for the process that creates it. */
export interface PodTestRunner extends TestRunner {
  /** How many streams to test pods are open. */
  openStreams(): number;
  /** Closes the streams to test pods. Runs continue, and another worker can join them. */
  close(): void;
}

export interface TestRunnerSettings extends PodStreamsSettings {
  languages: Map<string, Language>;
  /** Address of the package index, which may contain a password; without it, no package can be installed. */
  packageIndexUrl?: string | undefined;
  /** Environment variables of a user's runs, which those of a submission override. */
  variablesOf?: ((userId: string) => Promise<Record<string, string>>) | undefined;
}

/** How many variables a run may have (sandbox/test-pod/supervisor/request.py). */
const MAX_ENV = 110;

const HEARTBEAT_MS = 1_000;

/**
 * The first heartbeat is early: if this worker dies, it tells the next attempt which execution has begun. A program
 * that ends sooner needs no heartbeat.
 */
const FIRST_HEARTBEAT_MS = 100;

/**
 * Messages with which Temporal, or the activity itself, ends this attempt while the run is still wanted. The run
 * continues in the pod, and the next attempt joins it. An abort with any other message cancels the run.
 */
const ATTEMPT_ONLY = ['WORKER_SHUTDOWN', 'TIMED_OUT', 'PAUSED', 'RESET', 'CONTINUES_LATER'];

/**
 * Runs submissions in the test pods of a cluster, using the supervisor in each pod
 * (sandbox/test-pod/PROTOCOL.md).
 */
export function createTestRunner(
  kube: Kube,
  { languages, packageIndexUrl, variablesOf, ...settings }: TestRunnerSettings,
): PodTestRunner {
  const streams = new PodStreams(kube, settings);
  return {
    async run(given, context) {
      const { signal } = context;
      signal.throwIfAborted();
      const request = variablesOf === undefined ? given : await withVariables(given, variablesOf);
      const language = languages.get(request.program.language);
      if (language === undefined)
        throw new PlatformError('Rejected', `There is no language ${request.program.language}.`);
      const beat = () => context.heartbeat(attempt.progress());
      const attempt: Attempt = new Attempt({
        ...{ streams, request, language, packageIndexUrl },
        beforeRepeat: beat,
        onInput: request.input.interactive ? context.onInput : undefined,
        onSupervisor: context.onSupervisor,
        wasKilledForMemory: (since) => wasKilledForMemory(kube, request.userId, since),
      });
      const first = setTimeout(beat, FIRST_HEARTBEAT_MS);
      const timer = setInterval(beat, HEARTBEAT_MS);
      const work = attempt.result(signal);
      try {
        return await untilAborted(work, signal);
      } catch (error) {
        beat();
        if (signal.aborted && !ATTEMPT_ONLY.includes(messageOf(signal.reason))) await attempt.cancel(work);
        throw error;
      } finally {
        clearTimeout(first);
        clearInterval(timer);
        attempt.close();
      }
    },
    feed: (userId, input) => feed(streams, userId, input),
    read: (userId, range) => read(streams, userId, range),
    writeLogLine: (userId, submissionId, text) => {
      // The line may be lost: the test report has the same result.
      writeLogLine(streams, userId, submissionId, text).catch(() => undefined);
    },
    openStreams: () => streams.size,
    close: () => streams.close(),
  };
}

/** Installers get none: they reach the package index directly. */
async function withVariables(
  request: RunRequest,
  variablesOf: (userId: string) => Promise<Record<string, string>>,
): Promise<RunRequest> {
  if (request.command === 'install') return request;
  const env = { ...(await variablesOf(request.userId)), ...request.input.env };
  return Object.keys(env).length > MAX_ENV ? request : { ...request, input: { ...request.input, env } };
}

async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    // After an abort, no caller may be waiting for the work: its failure must not become an unhandled rejection.
    work.catch(() => undefined);
  }
}

function messageOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}

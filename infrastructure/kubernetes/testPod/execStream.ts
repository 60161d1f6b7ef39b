import { PassThrough, Writable } from 'node:stream';
import type { V1Status } from '@kubernetes/client-node';
import type { Kube } from '../api/client';
import { isNotFound, PlatformError, translate } from '../api/errors';
import { encodeFrame, FrameReader } from './frames';
import type { Frame } from './frames';
import { isInGvisor, namespaceOf, NO_SUPERVISOR, relayCommand, RUNNER_CONTAINER, testPodOf } from './names';

/** An open exec on the relay of a test pod: frames to the supervisor and from it. */
export interface ExecStream {
  send(frame: object): void;
  /** Closes the stream. Runs continue. */
  close(): void;
}

export interface ExecListener {
  onFrame(frame: Frame): void;
  /** The stream failed: `EnvironmentMissing` or `Unavailable`. Called once, and not after `close`. */
  onFailure(error: Error): void;
}

/** Timeout for opening an exec, in milliseconds. It takes about 50 ms; on a busy node, seconds. */
const OPENING_MS = 30_000;

/** How much of the stderr of the relay or the container runtime is kept. */
const STDERR_BYTES = 2_000;

/** The largest message that kubectl sends; servers and proxies in between expect no more. */
const STDIN_PIECE_BYTES = 32 * 1024;

/**
 * Opens an exec on the relay of a user's test pod.
 * @throws PlatformError `EnvironmentMissing` when there is no pod, or nothing in the pod that could answer.
 */
export async function openExecStream(
  kube: Kube,
  userId: string,
  listener: ExecListener,
): Promise<ExecStream> {
  const namespace = namespaceOf(userId);
  const pod = testPodOf(userId);
  const doing = `exec into ${pod} in ${namespace}`;
  const reader = new FrameReader();
  const stdin = new PassThrough();
  let errors = '';
  let over = false;

  const fail = (error: Error) => {
    if (over) return;
    over = true;
    void explain(kube, userId, error).then((explained) => listener.onFailure(explained));
  };
  const stdout = sink((data) => {
    if (over) return;
    try {
      for (const frame of reader.push(data)) listener.onFrame(frame);
    } catch (error) {
      fail(error as Error);
    }
  });
  const stderr = sink((data) => {
    if (errors.length < STDERR_BYTES) errors += data.toString('utf8').slice(0, STDERR_BYTES);
  });
  const onStatus = (status: V1Status) => fail(failureOfStatus(status, doing, errors.trim()));
  const opening = kube.exec.exec(
    namespace,
    pod,
    RUNNER_CONTAINER,
    relayCommand(await runsInGvisor(kube, userId)),
    stdout,
    stderr,
    stdin,
    false,
    onStatus,
  );
  const socket = await inTime(opening, doing).catch(async (error: unknown) => {
    throw await explain(kube, userId, translate(error, doing));
  });
  // No status arrives when the connection breaks: the close is the only sign then.
  socket.onclose = () => fail(new PlatformError('Unavailable', `The stream of ${doing} was closed`));

  // Frames sent in one turn of the event loop go out together: each message passes through three servers.
  let unsent: Buffer[] = [];
  const flush = () => {
    const bytes = Buffer.concat(unsent);
    unsent = [];
    for (let start = 0; start < bytes.length; start += STDIN_PIECE_BYTES)
      stdin.write(bytes.subarray(start, start + STDIN_PIECE_BYTES));
  };

  return {
    send(frame) {
      if (unsent.push(encodeFrame(frame)) === 1) setImmediate(flush);
    },
    close() {
      over = true;
      flush();
      stdin.end();
      // The end of stdin must be sent first. It ends the relay, and with it the stream.
      setImmediate(() => socket.close());
    },
  };
}

/** False also when the pod cannot be read: then the exec fails as well, and its failure is explained. */
function runsInGvisor(kube: Kube, userId: string): Promise<boolean> {
  const pod = kube.core.readNamespacedPod({ name: testPodOf(userId), namespace: namespaceOf(userId) });
  return pod.then(isInGvisor, () => false);
}

/** Limits the time to open. The client itself waits forever for an API server that accepts and is silent. */
async function inTime<T extends { close(): void }>(opening: Promise<T>, doing: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      // A socket that opens too late is not used.
      opening.then(
        (socket) => socket.close(),
        () => undefined,
      );
      reject(new PlatformError('Unavailable', `Could not ${doing} within ${OPENING_MS / 1000} s`));
    }, OPENING_MS);
  });
  try {
    return await Promise.race([opening, late]);
  } finally {
    clearTimeout(timer);
  }
}

function sink(take: (data: Buffer) => void): Writable {
  return new Writable({
    write(data: Buffer, _encoding, done) {
      take(data);
      done();
    },
  });
}

/** Converts the status that ended an exec. Even a success is a failure here: the end record is missing. */
function failureOfStatus(status: V1Status, doing: string, said: string): PlatformError {
  const exitCode = status.details?.causes?.find((cause) => cause.reason === 'ExitCode')?.message;
  const why = said || status.message || `it ended with ${status.status ?? 'no status'}`;
  const missing = exitCode === String(NO_SUPERVISOR) || /no such file|not found/.test(status.message ?? '');
  return new PlatformError(missing ? 'EnvironmentMissing' : 'Unavailable', `Could not ${doing}: ${why}`);
}

/**
 * Reads the pod to find out what a failed exec means, because the API server answers a refused upgrade with
 * only a number. A pod that cannot run anything must be prepared before a retry makes sense.
 */
async function explain(kube: Kube, userId: string, failure: Error): Promise<Error> {
  if (!(failure instanceof PlatformError) || failure.name === 'EnvironmentMissing') return failure;
  if (failure.status === 401) return failure;
  const missing = (why: string) =>
    new PlatformError('EnvironmentMissing', `${failure.message}: ${why}`, { cause: failure });
  try {
    const name = testPodOf(userId);
    const { metadata, status } = await kube.core.readNamespacedPod({ name, namespace: namespaceOf(userId) });
    if (metadata?.deletionTimestamp) return missing(`the pod ${name} is being deleted`);
    if (status?.phase !== 'Running') return missing(`the pod ${name} is ${status?.phase ?? 'not running'}`);
    const runner = status.containerStatuses?.find((container) => container.name === RUNNER_CONTAINER);
    return runner?.state?.running === undefined ? missing(`the pod ${name} restarts`) : failure;
  } catch (error) {
    if (isNotFound(error)) return missing('there is no such pod');
    return failure.status === 403 && (await isReadable(kube, namespaceOf(userId)))
      ? missing('the RoleBinding of the worker is missing')
      : failure;
  }
}

/** False also when an API server that has just started refuses all requests. */
function isReadable(kube: Kube, namespace: string): Promise<boolean> {
  return kube.core.readNamespace({ name: namespace }).then(
    () => true,
    () => false,
  );
}

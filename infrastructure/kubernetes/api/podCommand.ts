import type { Readable, Writable } from 'node:stream';
import { PassThrough } from 'node:stream';
import type { V1Status } from '@kubernetes/client-node';
import type { Kube } from './client';
import { isNotFound, PlatformError, translate } from './errors';

export interface PodCommand {
  namespace: string;
  pod: string;
  container: string;
  command: string[];
  stdout: Writable;
  stdin?: Readable;
}

/** How much of the end of a command's stderr is kept, in characters. */
const STDERR_CHARACTERS = 64_000;

/**
 * Runs a command in a container and waits for its end.
 * @returns its stderr
 * @throws PlatformError `Unavailable` when the stream broke, `Rejected` with its stderr when it failed,
 * `EnvironmentMissing` when there is no such pod
 */
export async function runInPod(kube: Kube, request: PodCommand): Promise<string> {
  const { namespace, pod, container, command, stdout, stdin } = request;
  const doing = `run ${command[0]} in ${pod}`;
  const stderr = new PassThrough();
  let said = '';
  stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-STDERR_CHARACTERS)));

  const status = await new Promise<V1Status>((resolve, reject) => {
    kube.exec.exec(namespace, pod, container, command, stdout, stderr, stdin ?? null, false, resolve).then(
      // No status arrives when the connection breaks: the close is the only sign then.
      (socket) => {
        socket.onclose = () =>
          reject(new PlatformError('Unavailable', `Could not ${doing}: the stream was closed`));
      },
      (error: unknown) => explain(kube, request, translate(error, doing)).then(reject, reject),
    );
  });
  if (status.status === 'Success') return said;
  throw new PlatformError(
    'Rejected',
    `Could not ${doing}: ${said.trim() || (status.message ?? 'it failed')}`,
  );
}

/** In a namespace that does not exist, an exec is forbidden rather than not found. */
async function explain(kube: Kube, { namespace, pod }: PodCommand, failure: Error): Promise<Error> {
  if (!(failure instanceof PlatformError) || failure.status !== 403) return failure;
  try {
    await kube.core.readNamespacedPod({ namespace, name: pod });
    return failure;
  } catch (error) {
    return isNotFound(error) ? translate(error, `read Pod/${pod} in ${namespace}`) : failure;
  }
}

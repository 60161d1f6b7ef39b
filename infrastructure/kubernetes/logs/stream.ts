import { once } from 'node:events';
import { request as requestHttp, type IncomingMessage } from 'node:http';
import { request as requestHttps, type RequestOptions } from 'node:https';
import type { Kube } from '../api/client';

export interface LogAddress {
  namespace: string;
  pod: string;
  container: string;
}

/** Longest line in bytes. A longer one is split, so that an endless one cannot fill the memory. */
const MAX_LINE_BYTES = 65_536;

const NEWLINE = 10;

/**
 * Opens a container's log with a plain HTTP request: the client library's `Log` loses connection errors and
 * ends early. @throws Error that says how the API server answered
 */
export async function openLog(
  kube: Kube,
  { namespace, pod, container }: LogAddress,
  query: Record<string, string>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const cluster = kube.config.getCurrentCluster();
  if (!cluster) throw new Error('The context names no cluster.');
  const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log`;
  const url = new URL(cluster.server.replace(/\/$/, '') + path);
  url.search = new URLSearchParams({ container, ...query }).toString();
  const options: RequestOptions = {};
  await kube.config.applyToHTTPSOptions(options);
  const request = (url.protocol === 'http:' ? requestHttp : requestHttps)(url, { ...options, signal });
  request.setSocketKeepAlive(true, 10_000);
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  if (response.statusCode === 200) return response;
  response.destroy();
  throw new Error(`${url.pathname} is answered with ${response.statusCode}`);
}

/** Yields whole lines, in the batches in which they arrive. Text after the last newline is dropped. */
export async function* linesOf(stream: AsyncIterable<Buffer>): AsyncGenerator<string[]> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const data = Buffer.concat([rest, chunk]);
    const end = data.lastIndexOf(NEWLINE);
    rest = data.subarray(end + 1);
    if (end >= 0) yield data.subarray(0, end).toString('utf8').split('\n');
    if (rest.length > MAX_LINE_BYTES) {
      yield [rest.toString('utf8')];
      rest = Buffer.alloc(0);
    }
  }
}

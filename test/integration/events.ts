import { eventsIn } from '../../client/eventStream';
import type { Frame } from './client';
import { contractOf } from './contract';

export interface Event {
  id: string | undefined;
  frame: Frame;
}

/**
 * Server-Sent Events of a gateway, parsed as a browser does; each frame is validated as in the tests' Client.
 */
export async function* eventsOf(
  url: string,
  submissionId: string,
  { apiKey, after }: { apiKey: string; after?: string | undefined },
): AsyncGenerator<Event> {
  const faultsOf = await contractOf(url);
  const headers = { 'X-API-Key': apiKey, ...(after !== undefined && { 'Last-Event-ID': after }) };
  const response = await fetch(`${url}/api/submissions/${submissionId}/events`, { headers });
  if (response.status === 204) return;
  if (response.status !== 200 || !response.body) throw new Error(`status ${response.status}`);
  for await (const { id, data } of eventsIn(response.body)) {
    const frame = JSON.parse(data) as Frame;
    const faults = faultsOf(frame);
    if (faults) throw new Error(`${data} is against the schema: ${faults}`);
    yield { id, frame };
  }
}

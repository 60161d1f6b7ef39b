import { get, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Frame } from './client';
import { contractOf } from './contract';

export interface Event {
  id: string | undefined;
  frame: Frame;
}

/** Server-Sent Events of a gateway, as a browser reads them; each frame is looked at as the tests' Client does. */
export async function* eventsOf(
  url: string,
  submissionId: string,
  { apiKey, after }: { apiKey: string; after?: string | undefined },
): AsyncGenerator<Event> {
  const faultsOf = await contractOf(url);
  const headers = { 'X-API-Key': apiKey, ...(after !== undefined && { 'Last-Event-ID': after }) };
  const request = get(`${url}/api/submissions/${submissionId}/events`, { headers });
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode === 204) return;
    if (response.statusCode !== 200) throw new Error(`status ${response.statusCode}`);
    let id: string | undefined;
    for await (const line of createInterface({ input: response })) {
      if (line.startsWith('id: ')) id = line.slice(4);
      if (!line.startsWith('data: ')) continue;
      const frame = JSON.parse(line.slice(6)) as Frame;
      const faults = faultsOf(frame);
      if (faults) throw new Error(`${line} is against the schema: ${faults}`);
      yield { id, frame };
      id = undefined;
    }
  } finally {
    request.destroy();
  }
}

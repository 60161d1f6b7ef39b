import type { Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import type { temporal } from '@temporalio/proto';

type Payload = temporal.api.common.v1.IPayload;

/**
 * Decodes every payload in the answer of a raw call to Temporal, in place, with the client's codecs. The
 * client's own calls decode what they return; those of its services do not.
 */
export async function decoded<T>({ options }: Pick<Client, 'options'>, answer: T): Promise<T> {
  await decodeWith(options.loadedDataConverter.payloadCodecs, answer);
  return answer;
}

/** The same with given codecs, the last one first, as the client does it. */
export async function decodeWith(codecs: readonly PayloadCodec[], answer: unknown): Promise<void> {
  if (codecs.length === 0) return;
  const payloads = [...payloadsIn(answer)];
  if (payloads.length === 0) return;
  let current = payloads.map(({ metadata = null, data = null }): Payload => ({ metadata, data }));
  for (const codec of [...codecs].reverse()) current = await codec.decode(current);
  payloads.forEach((payload, index) => Object.assign(payload, current[index]));
}

function* payloadsIn(value: unknown): Generator<Payload> {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  if (isPayload(value)) yield value;
  else for (const member of Object.values(value)) yield* payloadsIn(member);
}

function isPayload(value: object): value is Payload {
  return 'metadata' in value && 'data' in value && ArrayBuffer.isView(value.data);
}

import Ajv2020 from 'ajv/dist/2020';
import addFormats from 'ajv-formats';

/** How a frame violates the contract that the gateway itself serves; null when it is valid. */
export type FaultsOf = (frame: unknown) => string | null;

const contracts = new Map<string, Promise<FaultsOf>>();

/** The contract of a gateway, for example of `http://127.0.0.1:8000`. */
export function contractOf(url: string): Promise<FaultsOf> {
  const known = contracts.get(url) ?? readContract(url);
  contracts.set(url, known);
  return known;
}

/** The HTTP address of the gateway with this WebSocket address. */
export function httpUrl(webSocketUrl: string): string {
  return webSocketUrl.replace(/^ws/, 'http').replace(/\/ws\/code$/, '');
}

async function readContract(url: string): Promise<FaultsOf> {
  const response = await fetch(`${url}/schema.json`);
  const schema = closed(await response.json()) as object;
  const ajv = addFormats(new Ajv2020({ strict: false }));
  const validate = ajv.compile({ ...schema, $ref: '#/$defs/server_frame' });
  return (frame) => (validate(frame) ? null : ajv.errorsText(validate.errors));
}

/** Clients ignore unknown fields, but a test rejects them, because the contract should describe them. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const members = Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, closed(value)]));
  return 'properties' in members ? { additionalProperties: false, ...members } : members;
}

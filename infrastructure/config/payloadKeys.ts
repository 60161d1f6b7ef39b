import { z } from 'zod';

/** An AES-256 key. */
export interface PayloadKey {
  /** Stored in the metadata of every payload that is encrypted with the key. */
  id: string;
  /** 32 bytes. */
  bytes: Buffer;
}

const KEY_BYTES = 32;
const FORM = /^(?<id>[A-Za-z0-9._-]{1,64}):(?<base64>[A-Za-z0-9+/]+={0,2})$/;

/** `ID:BASE64,ID:BASE64`: one or more keys of 32 bytes. Error messages never contain any part of a key. */
export function payloadKeys() {
  return z.string().transform((text, context): PayloadKey[] => {
    const keys = text.split(',').map((entry) => readKey(entry.trim()));
    const invalid = keys.indexOf(null) + 1;
    const message =
      invalid > 0
        ? `must be keys of ${KEY_BYTES} bytes as ID:BASE64, separated by commas; entry ${invalid} is invalid`
        : repeatedId(keys.flatMap((key) => (key ? [key.id] : [])));
    if (message === null) return keys.flatMap((key) => (key ? [key] : []));
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });
}

function readKey(entry: string): PayloadKey | null {
  const { id, base64 } = FORM.exec(entry)?.groups ?? {};
  if (id === undefined || base64 === undefined) return null;
  const bytes = Buffer.from(base64, 'base64');
  return bytes.length === KEY_BYTES ? { id, bytes } : null;
}

function repeatedId(ids: string[]): string | null {
  const repeated = ids.find((id, index) => ids.indexOf(id) !== index);
  return repeated === undefined ? null : `has two keys with the id ${repeated}: each key needs its own id`;
}

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { PayloadCodec } from '@temporalio/common';
import { temporal } from '@temporalio/proto';
import type { PayloadKey } from '../config/payloadKeys';

const { Payload } = temporal.api.common.v1;
type Payload = temporal.api.common.v1.IPayload;

/** Marks an encrypted payload, with the value that Temporal's own samples and Web UI use. */
const ENCRYPTED = 'binary/encrypted';
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts what Temporal stores of a submission: code, output, results, memo. The first key encrypts. Each
 * payload names the key that decrypts it. To replace a key, put the new one in front; remove the old one when
 * no stored payload names it. Search attributes, workflow ids and messages of failures are not encrypted.
 *
 * Data is nonce (12 bytes), ciphertext, tag (16 bytes); the key's id is authenticated with it.
 */
export function encryptionCodec(keys: readonly PayloadKey[]): PayloadCodec {
  const [first] = keys;
  if (!first) throw new Error('Encryption needs at least one key.');
  const byId = new Map(keys.map((key) => [key.id, key]));
  return {
    encode: (payloads) => toPromise(() => payloads.map((payload) => encrypted(payload, first))),
    decode: (payloads) => toPromise(() => payloads.map((payload) => decrypted(payload, byId))),
  };
}

/** Converts an exception into a rejection. */
function toPromise<T>(work: () => T): Promise<T> {
  return new Promise((resolve) => resolve(work()));
}

function encrypted(payload: Payload, { id, bytes }: PayloadKey): Payload {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, bytes, nonce).setAAD(Buffer.from(id));
  const ciphertext = [cipher.update(Payload.encode(payload).finish()), cipher.final()];
  return {
    metadata: { encoding: Buffer.from(ENCRYPTED), 'encryption-key-id': Buffer.from(id) },
    data: Buffer.concat([nonce, ...ciphertext, cipher.getAuthTag()]),
  };
}

/** A payload that is not encrypted is from before encryption was turned on, and is returned unchanged. */
function decrypted(payload: Payload, keys: ReadonlyMap<string, PayloadKey>): Payload {
  if (textOf(payload.metadata?.encoding) !== ENCRYPTED) return payload;
  const id = textOf(payload.metadata?.['encryption-key-id']);
  const key = keys.get(id);
  if (!key)
    throw new Error(
      `A Temporal payload was encrypted with the key ${id}, and PAYLOAD_KEYS has only: ${[...keys.keys()].join(', ')}.`,
    );
  const data = Buffer.from(payload.data ?? []);
  if (data.length < NONCE_BYTES + TAG_BYTES) throw new Error('An encrypted payload is too short.');
  const decipher = createDecipheriv(CIPHER, key.bytes, data.subarray(0, NONCE_BYTES))
    .setAAD(Buffer.from(id))
    .setAuthTag(data.subarray(-TAG_BYTES));
  const ciphertext = data.subarray(NONCE_BYTES, -TAG_BYTES);
  return Payload.decode(Buffer.concat([decipher.update(ciphertext), decipher.final()]));
}

function textOf(bytes: Uint8Array | null | undefined): string {
  return Buffer.from(bytes ?? []).toString();
}

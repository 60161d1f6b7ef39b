import { randomBytes } from 'node:crypto';
import { defaultPayloadConverter } from '@temporalio/common';
import { encryptionCodec } from '../../../infrastructure/temporal/codec';
import { decodeWith } from '../../../infrastructure/temporal/payloads';

const key = (id: string) => ({ id, bytes: randomBytes(32) });
const [first, second] = [key('2026-01'), key('2026-02')];
const value = { code: "print('a secret')" };
const plain = () => defaultPayloadConverter.toPayload(value);

test('nothing of a payload can be read, and the same one is never twice the same', async () => {
  const codec = encryptionCodec([first]);
  const [one, two] = await codec.encode([plain(), plain()]);
  expect(Buffer.from(one!.data!).toString()).not.toContain('secret');
  expect(one!.data).not.toEqual(two!.data);
  const [decoded] = await codec.decode([one!]);
  expect(defaultPayloadConverter.fromPayload(decoded!)).toEqual(value);
});

test('a new key in front encrypts, and what the old one encrypted is still read', async () => {
  const [old] = await encryptionCodec([first]).encode([plain()]);
  const rotated = encryptionCodec([second, first]);
  const [fresh] = await rotated.encode([plain()]);
  expect(Buffer.from(fresh!.metadata!['encryption-key-id']!).toString()).toBe('2026-02');
  const decoded = await rotated.decode([old!, fresh!]);
  expect(decoded.map((payload) => defaultPayloadConverter.fromPayload(payload))).toEqual([value, value]);
});

test('a key that is gone is named, with those that there are', async () => {
  const payloads = await encryptionCodec([first]).encode([plain()]);
  await expect(encryptionCodec([second]).decode(payloads)).rejects.toThrow(
    'encrypted with the key 2026-01, and PAYLOAD_KEYS has only: 2026-02',
  );
});

test.each([0, 12, -1])('data that were changed at byte %i are not taken', async (place) => {
  const codec = encryptionCodec([first]);
  const [payload] = await codec.encode([plain()]);
  const data = Buffer.from(payload!.data!);
  data[(place + data.length) % data.length]! ^= 1;
  await expect(codec.decode([{ ...payload, data }])).rejects.toThrow();
});

test('what says another id of a key than it was encrypted with is not taken', async () => {
  const codec = encryptionCodec([first, { id: 'twin', bytes: first.bytes }]);
  const [payload] = await codec.encode([plain()]);
  const metadata = { ...payload!.metadata, 'encryption-key-id': Buffer.from('twin') };
  await expect(codec.decode([{ ...payload, metadata }])).rejects.toThrow();
});

test('payloads are found and decoded wherever they stand in an answer', async () => {
  const codec = encryptionCodec([first]);
  const [one, two] = await codec.encode([plain(), plain()]);
  const answer = [{ eventId: 1, input: { payloads: [one!] } }, { memo: { fields: { verdict: two! } } }, null];
  await decodeWith([codec], answer);
  const verdict = answer[1]?.memo?.fields.verdict;
  for (const payload of [answer[0]?.input?.payloads[0], verdict])
    expect(defaultPayloadConverter.fromPayload(payload!)).toEqual(value);
});

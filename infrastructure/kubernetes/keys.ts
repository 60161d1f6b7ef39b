import { createHash, randomBytes } from 'node:crypto';
import { setTimeout as pauseFor } from 'node:timers/promises';
import type { V1Secret } from '@kubernetes/client-node';
import { z } from 'zod';
import type { Logger } from '../logging';
import type { Kube } from './api/client';
import { attempt, attemptToFind, PlatformError } from './api/errors';
import { runInformer } from './api/informer';

/** Namespace of the keys of users and administrators, one Secret each. Why: docs/decisions/keys.md. */
export const KEYS_NAMESPACE = 'orchestration-keys';

const LABELS = { 'app.kubernetes.io/managed-by': 'orchestration-app', 'app.kubernetes.io/component': 'key' };
const SELECTOR = 'app.kubernetes.io/component=key';
const SECRET_BYTES = 32;
const ID_BYTES = 6;

/** `orc_ID_SECRET`: the id identifies the key, the secret proves it. */
const TOKEN = /^orc_([0-9a-f]{12})_[A-Za-z0-9_-]{43}$/;

/** How long the last known keys are trusted while the API server is unavailable, in milliseconds. */
const TRUST_MS = 300_000;

/** Pause before a refused watch is retried, such as one with missing permissions, in milliseconds. */
const REFUSED_PAUSE_MS = 30_000;

const recordSchema = z.object({
  /** Null for a key that may act for every user. */
  userId: z.string().nullable(),
  note: z.string(),
  /** ISO 8601, like `expiresAt`. */
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime().nullable(),
  createdBy: z.string(),
});

export type KeyRecord = z.infer<typeof recordSchema>;

export interface StoredKey extends KeyRecord {
  id: string;
  /** SHA-256 of the whole key. */
  digest: Buffer;
}

/** A gateway's copy of the stored keys, kept up to date. */
export interface KeyDirectory {
  /** Whether the copy is recent enough to be trusted. */
  readonly current: boolean;
  find(id: string): StoredKey | undefined;
  /** Called after every change, until the directory is closed. */
  onChange(listener: () => void): void;
}

/** The id in a key, or undefined if the text is not a key. */
export function keyIdIn(token: string): string | undefined {
  return TOKEN.exec(token)?.[1];
}

export function digestOfKey(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

/** Creates a key and stores its digest. Only the result contains the key itself. */
export async function createKey(kube: Kube, record: KeyRecord): Promise<{ id: string; key: string }> {
  const id = randomBytes(ID_BYTES).toString('hex');
  const key = `orc_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  const body: V1Secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: nameOf(id), namespace: KEYS_NAMESPACE, labels: LABELS },
    type: 'orchestration-app/key',
    immutable: true,
    stringData: { digest: digestOfKey(key).toString('hex'), record: JSON.stringify(record) },
  };
  await attempt(`create the key ${id}`, () =>
    kube.core.createNamespacedSecret({ namespace: KEYS_NAMESPACE, body }),
  );
  return { id, key };
}

/** All keys that were not revoked, oldest first. */
export async function listKeys(kube: Kube): Promise<StoredKey[]> {
  const { items } = await attempt('list keys', () =>
    kube.core.listNamespacedSecret({ namespace: KEYS_NAMESPACE, labelSelector: SELECTOR }),
  );
  const keys = items.map(storedKey).filter((key) => key !== null);
  return keys.sort((one, other) => one.createdAt.localeCompare(other.createdAt));
}

/** Deletes a key. @returns false when no key has that id */
export async function revokeKey(kube: Kube, id: string): Promise<boolean> {
  const deleted = await attemptToFind(`delete the key ${id}`, () =>
    kube.core.deleteNamespacedSecret({ namespace: KEYS_NAMESPACE, name: nameOf(id) }),
  );
  return deleted !== null;
}

/** Watches keys until the signal is aborted. Returns at once; `current` is true when the keys are known. */
export function watchKeys(
  kube: Kube,
  { signal, logger, trustMs = TRUST_MS }: { signal: AbortSignal; logger: Logger; trustMs?: number },
): KeyDirectory {
  const listeners: (() => void)[] = [];
  let keys = new Map<string, StoredKey>();
  let known = false;
  let awaySince: number | null = null;

  const changed = (secrets: V1Secret[]) => {
    if (awaySince !== null || !known) logger.info({ keys: secrets.length }, 'keys are loaded');
    known = true;
    awaySince = null;
    keys = new Map(secrets.map(storedKey).flatMap((key) => (key ? [[key.id, key]] : [])));
    for (const listener of listeners) listener();
  };
  const unreachable = (error: Error) => {
    if (awaySince === null) logger.warn({ err: error }, 'failed to read keys: using the last known ones');
    awaySince ??= Date.now();
  };
  const collection = {
    apiVersion: 'v1',
    kind: 'Secret',
    plural: 'secrets',
    namespace: KEYS_NAMESPACE,
    labelSelector: SELECTOR,
  };
  void (async () => {
    while (!signal.aborted) {
      await runInformer<V1Secret>(kube, collection, signal, changed, unreachable).catch((error: unknown) => {
        awaySince ??= Date.now();
        logger.error({ err: error }, 'failed to read keys: is infrastructure/rbac.yaml applied?');
      });
      await pauseFor(REFUSED_PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  })();

  return {
    get current() {
      return known && (awaySince === null || Date.now() - awaySince < trustMs);
    },
    find: (id) => keys.get(id),
    onChange: (listener) => void listeners.push(listener),
  };
}

/** Null for a Secret that is not a valid key: one mistake must not block the other keys. */
function storedKey({ metadata, data }: V1Secret): StoredKey | null {
  const id = metadata?.name?.replace(/^key-/, '');
  const digest = Buffer.from(decoded(data?.digest), 'hex');
  const record = recordSchema.safeParse(parsed(decoded(data?.record)));
  if (!id || digest.length !== SECRET_BYTES || !record.success) return null;
  return { id, digest, ...record.data };
}

function decoded(base64: string | undefined): string {
  return Buffer.from(base64 ?? '', 'base64').toString();
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}

function nameOf(id: string): string {
  if (!/^[0-9a-f]{12}$/.test(id))
    throw new PlatformError('Rejected', `${JSON.stringify(id)} is not the id of a key: 12 digits of 0-9a-f.`);
  return `key-${id}`;
}

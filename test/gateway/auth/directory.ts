import { digestOfKey, type KeyDirectory, type StoredKey } from '../../../infrastructure/kubernetes/keys';

/** A key in its stored form, and the key itself. */
export function keyOf(id: string, record: Pick<StoredKey, 'userId'> & Partial<StoredKey>) {
  const key = `orc_${id}_${id.slice(0, 1).repeat(43)}`;
  const stored = { id, digest: digestOfKey(key), note: '', createdAt: '', createdBy: '', expiresAt: null };
  return { key, ...stored, ...record };
}

/** A directory whose contents the test can change. */
export class FakeDirectory implements KeyDirectory {
  current = true;
  private readonly listeners: (() => void)[] = [];

  constructor(private stored: StoredKey[]) {}

  set keys(keys: StoredKey[]) {
    this.stored = keys;
    for (const listener of this.listeners) listener();
  }

  find(id: string) {
    return this.stored.find((key) => key.id === id);
  }

  onChange(listener: () => void) {
    this.listeners.push(listener);
  }
}

export const directoryOf = (keys: StoredKey[]) => new FakeDirectory(keys);

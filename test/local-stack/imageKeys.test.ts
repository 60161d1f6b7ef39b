import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { imageNames, referencesOf } from '../../local-stack/images/projectImages';
import { readSettings } from '../../local-stack/settings';

/** An image's key changes with every file that it copies, so it should only copy files that it needs. */

const CHECKOUT = resolve(__dirname, '..', '..');
const NEVER_COPIED = /^(\.git|node_modules|dist|coverage)$/;

const copy = mkdtempSync(join(tmpdir(), 'checkout-'));
const references = () =>
  referencesOf([...imageNames, 'gateway', 'worker'], { ...readSettings(), checkout: copy });

beforeAll(() => {
  const filter = (path: string) => !NEVER_COPIED.test(relative(CHECKOUT, path));
  cpSync(CHECKOUT, copy, { recursive: true, filter });
});
afterAll(() => rmSync(copy, { recursive: true }));

test.each(['local-stack', 'docs', 'bench', 'test'])(
  'a change below %s/ rebuilds no image',
  async (folder) => {
    const before = await references();
    writeFileSync(join(copy, folder, 'new.ts'), '');
    expect(await references()).toEqual(before);
  },
);

test('a change of what runs in pods rebuilds their images, and not the gateway', async () => {
  const before = await references();
  writeFileSync(join(copy, 'sandbox', 'test-pod', 'new.py'), '');
  const after = await references();
  expect(after['test-pod']).not.toBe(before['test-pod']);
  expect(after).toEqual({ ...before, 'test-pod': after['test-pod'] });
});

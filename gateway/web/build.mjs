/**
 * Builds the page into dist/web, unless it was already built from the same inputs.
 * Plain JavaScript, so that the local stack can run it before anything else.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = dirname(fileURLToPath(import.meta.url));
const checkout = resolve(root, '..', '..');
const outDir = join(checkout, 'dist', 'web');
const note = join(outDir, '.inputs');

const inputs = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name))
  .concat(join(checkout, 'package-lock.json'))
  .sort();
const hash = createHash('sha256');
for (const file of inputs) hash.update(`${file.slice(checkout.length)}\0`).update(readFileSync(file));
const digest = hash.digest('hex');

if (!existsSync(note) || readFileSync(note, 'utf8') !== digest) {
  const { build } = await import('vite');
  await build({
    root,
    logLevel: 'warn',
    build: { outDir, emptyOutDir: true, modulePreload: { polyfill: false }, chunkSizeWarningLimit: 800 },
  });
  const assets = join(outDir, 'assets');
  for (const name of readdirSync(assets))
    writeFileSync(join(assets, `${name}.gz`), gzipSync(readFileSync(join(assets, name))));
  writeFileSync(note, digest);
}

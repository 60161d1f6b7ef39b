import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buildSync } from 'esbuild';

/** It pins whatever can be part of a bundle, and the bundler: an entry that stays the same says nothing of the rest. */
const lock = readFileSync(new URL('../package-lock.json', import.meta.url));

/**
 * Jest transform for the entry of a package: the package and all that it imports, as one CommonJS module. Without it
 * Jest loads the hundreds of ES modules of @kubernetes/client-node again for each test file, which takes seconds.
 */
export default {
  getCacheKey: (_source, file) => createHash('sha256').update(lock).update(file).digest('hex'),
  process: (_source, file) => {
    const options = { bundle: true, write: false, platform: 'node', format: 'cjs' };
    const { outputFiles } = buildSync({ entryPoints: [file], ...options });
    return { code: outputFiles[0].text };
  },
};

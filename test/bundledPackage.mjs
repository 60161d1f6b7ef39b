import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buildSync } from 'esbuild';

/**
 * The lock pins the bundler and every package that can be part of a bundle; a package's entry file does not.
 */
const lock = readFileSync(new URL('../package-lock.json', import.meta.url));

/**
 * Jest transform for the entry file of a package: bundles the package and all its imports into one CommonJS
 * module. Otherwise Jest loads the hundreds of ES modules of @kubernetes/client-node again for each test
 * file, which takes seconds.
 */
export default {
  getCacheKey: (_source, file) => createHash('sha256').update(lock).update(file).digest('hex'),
  process: (_source, file) => {
    const options = { bundle: true, write: false, platform: 'node', format: 'cjs' };
    const { outputFiles } = buildSync({ entryPoints: [file], ...options });
    return { code: outputFiles[0].text };
  },
};

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

interface Locked {
  optionalDependencies?: Record<string, string>;
}

/**
 * `npm ci` refuses a lock that lacks a package for another platform. `npm install` omits the package when the
 * registry does not have it: then add it by hand, with version, os and cpu.
 */
test('the lock names every optional dependency of what it locks', () => {
  const lock = readFileSync(join(__dirname, '..', 'package-lock.json'), 'utf8');
  const { packages } = JSON.parse(lock) as { packages: Record<string, Locked> };
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !reachable(packages, path, name)),
  );
  expect(missing).toEqual([]);
});

/**
 * Whether Node would find the package from `path`: in its node_modules folder, or in one of a parent folder.
 */
function reachable(packages: Record<string, Locked>, path: string, name: string): boolean {
  if (packages[`${path && `${path}/`}node_modules/${name}`]) return true;
  if (path === '') return false;
  const parent = path.slice(0, path.lastIndexOf('node_modules/')).replace(/\/$/, '');
  return reachable(packages, parent, name);
}

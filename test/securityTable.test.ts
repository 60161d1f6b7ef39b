import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const table = readFileSync(join(__dirname, '..', 'docs', 'security.md'), 'utf8');
const named = [...table.matchAll(/`((?:[\w-]+\/)+(?:[\w-]+\.test\.ts)?)`/g)].map(([, path = '']) => path);

test('every attack of docs/security.md names a test that exists', () => {
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !existsSync(join(__dirname, path)))).toEqual([]);
});

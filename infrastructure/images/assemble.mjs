/**
 * Copies only what a compiled entry file needs at run time into a folder: the files that it imports and the
 * npm packages that these need, without sources, types, and binaries for other platforms. Runs during an
 * image build. Plain JavaScript, so that it needs only Node.
 *
 *   node infrastructure/images/assemble.mjs OUT [--without PACKAGE ...] ENTRY.js ...
 *
 * --without omits a package that is only needed for steps done in advance, such as a compiler.
 */
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { without: { type: 'string', multiple: true, default: [] } },
});
const [out, ...entries] = positionals;
if (!out || entries.length === 0) {
  console.error('Usage: node infrastructure/images/assemble.mjs OUT [--without PACKAGE ...] ENTRY.js ...');
  process.exit(2);
}
const root = process.cwd();

/** Extensions of the files that a package may need at run time: its code, and files that it serves to browsers. */
const kept = new Set([
  ...['.js', '.cjs', '.mjs', '.json', '.node', '.wasm', '.proto', ''],
  ...['.html', '.css', '.svg', '.png'],
]);

/** Matches binaries for other platforms: packages with native code have a folder for each in `releases`. */
const releases = /\/releases\/(?!x86_64-unknown-linux-gnu|aarch64-unknown-linux-gnu)/;
const otherArchitecture = process.arch === 'x64' ? '/releases/aarch64-' : '/releases/x86_64-';

const files = new Set();
const packages = new Set();
for (const entry of entries) follow(resolve(root, entry));
for (const file of files) copy(file);
for (const folder of packages) copyPackage(folder);
copy(join(root, 'package.json'));
console.log(`${files.size} files, ${packages.size} packages`);

/** Adds one of our own files and everything that it imports. */
function follow(file) {
  if (files.has(file)) return;
  files.add(file);
  const source = readFileSync(file, 'utf8');
  for (const [, name] of source.matchAll(
    /\b(?:require|require\.resolve|import)\(\s*["']([^"']+)["']\s*\)/g,
  )) {
    if (name.startsWith('.')) follow(resolved(resolve(dirname(file), name)));
    else if (!name.startsWith('node:')) addPackage(packageName(name), root, false);
  }
}

function resolved(path) {
  const found = [path, `${path}.js`, join(path, 'index.js')].find(
    (candidate) => existsSync(candidate) && extname(candidate) !== '',
  );
  if (!found) throw new Error(`${path} is imported and was not compiled.`);
  return found;
}

function packageName(name) {
  return name.split('/', name.startsWith('@') ? 2 : 1).join('/');
}

/** Adds a package and its dependencies, resolved as Node does: in node_modules of the parent folders. */
function addPackage(name, from, isOptional) {
  if (values.without.includes(name)) return;
  const folder = folderOf(name, from);
  if (!folder) {
    if (isOptional) return;
    throw new Error(`${name}, which ${relative(root, from) || 'the project'} needs, is not installed.`);
  }
  if (packages.has(folder)) return;
  packages.add(folder);
  const {
    dependencies = {},
    optionalDependencies = {},
    peerDependencies = {},
  } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const optional = { ...optionalDependencies, ...peerDependencies };
  for (const needed of Object.keys(dependencies)) addPackage(needed, folder, needed in optional);
  for (const wanted of Object.keys(optional)) addPackage(wanted, folder, true);
}

function folderOf(name, from) {
  for (let folder = from; folder.startsWith(root); folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(join(candidate, 'package.json'))) return candidate;
  }
  return undefined;
}

function copyPackage(folder) {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    // A nested package is copied only when something needs it.
    if (!entry.isFile() || relative(folder, path).split('/').includes('node_modules')) continue;
    if (!kept.has(extname(path)) && !/licen[cs]e/i.test(entry.name)) continue;
    if (releases.test(path) || path.includes(otherArchitecture)) continue;
    if (/\/(sdk-core|test|tests|__tests__|docs)\//.test(path.slice(folder.length))) continue;
    copy(path);
  }
}

function copy(file) {
  const target = join(out, relative(root, file));
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(realpathSync(file), target);
}

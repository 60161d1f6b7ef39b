/**
 * Turns the TypeScript of this checkout into JavaScript: a process that loads it starts in half the time of one that
 * transforms what it loads, and its errors cost less. The result is in node_modules/.cache, in a folder for each
 * content of the sources: a change is noticed, a running process keeps its version, and starts at the same time do
 * not disturb each other. Plain JavaScript, because nothing is compiled before it.
 *
 *   node compile.mjs              prints the folder with all compiled files
 *   node compile.mjs workflows    prints the file with the bundled workflows, for WORKFLOW_BUNDLE
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const CHECKOUT = dirname(fileURLToPath(import.meta.url));
const CACHE = join(CHECKOUT, 'node_modules', '.cache', 'orchestration-app');

/** How long a folder stays that no running process was started from. */
const UNUSED_MS = 3_600_000;

const CLUSTER_CLIENT = '@kubernetes/client-node';

/** Node reads source maps only with --enable-source-maps, so they cost nothing at run time. */
const OPTIONS = {
  absWorkingDir: CHECKOUT,
  outbase: CHECKOUT,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'silent',
};

/**
 * Compiles each source file by itself. In the result, `__dirname` is the folder of the source: code finds the files
 * beside it. A file that cannot be compiled fails where it is loaded.
 * @returns the folder with the results, in the same folders as the sources
 */
export function compile() {
  const { include } = JSON.parse(read('tsconfig.json'));
  const sources = () =>
    filesIn(CHECKOUT, include).filter((file) => /\.ts$/.test(file) && !/^gateway\/web\//.test(file));
  return obtain(
    'compiled',
    () => [...sources(), 'tsconfig.json'],
    async (into, folder) => {
      const { build } = await import('esbuild');
      const toSource = ['__dirname', '__filename']
        .map((name) => `${name}=${name}.replace(${JSON.stringify(folder)},${JSON.stringify(CHECKOUT)});`)
        .join('');
      const files = sources();
      const changed = new Map();
      for (const file of files)
        if (/\b__(dir|file)name\b/.test(read(file))) changed.set(file, toSource + read(file));
      const run = () =>
        build({ ...OPTIONS, entryPoints: files, outdir: into, plugins: [replacing(changed)] });
      await run().catch((error) => {
        if (!error.errors?.every(({ location }) => location)) throw error;
        for (const { text, location } of error.errors) {
          const message = `${location.file}:${location.line}:${location.column}: ${text}`;
          changed.set(location.file, `throw new SyntaxError(${JSON.stringify(message)});`);
        }
        return run();
      });
      // Node finds it there before the package itself.
      const place = join(into, 'node_modules', CLUSTER_CLIENT);
      fs.mkdirSync(dirname(place), { recursive: true });
      fs.symlinkSync(await bundleClusterClient(), place);
    },
  );
}

/** One file instead of 2,500, which take a third of a gateway's start. @returns its folder */
function bundleClusterClient() {
  const make = async (into) => {
    const { build } = await import('esbuild');
    await build({
      ...OPTIONS,
      entryPoints: [createRequire(import.meta.url).resolve(CLUSTER_CLIENT)],
      outfile: join(into, 'index.js'),
      sourcemap: false,
      bundle: true,
      packages: 'external',
      // A third of the size, in lines that a stack trace can show.
      minifyWhitespace: true,
      lineLimit: 120,
    });
  };
  return obtain('package', () => [], make);
}

/** The command line as one file, for a start in a fraction of a second. @returns its path */
export async function compileCommandLine() {
  const make = async (into) => {
    const { build } = await import('esbuild');
    const source = join(CHECKOUT, 'client', 'cli');
    await build({
      ...OPTIONS,
      entryPoints: [join(source, 'main.ts')],
      outfile: join(into, 'orchestration-app.js'),
      bundle: true,
      define: { __dirname: JSON.stringify(source) },
    });
  };
  const inputs = () => filesIn(CHECKOUT, ['client']);
  const folder = await obtain('client', inputs, make).catch(async (error) => {
    if (!error.syscall) throw error;
    // The checkout cannot be written.
    const folder = fs.mkdtempSync(join(tmpdir(), 'orchestration-app-'));
    process.on('exit', () => fs.rmSync(folder, { recursive: true }));
    await make(folder);
    return folder;
  });
  return join(folder, 'orchestration-app.js');
}

/** Bundles compiled workflows. @returns the plain bundle; the other kinds are beside it (worker/bundle.ts) */
async function bundleWorkflows(compiled) {
  const inputs = () => filesIn(compiled, ['workflows', 'worker']).filter((file) => file.endsWith('.js'));
  const make = (into) =>
    void execFileSync(
      process.execPath,
      [join(compiled, 'worker', 'bundleAhead.js'), join(into, 'workflows.js')],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
  return join(await obtain('workflows', inputs, make, compiled), 'workflows.js');
}

/**
 * Returns the folder that was made from inputs of this content, or makes it.
 * @param make fills a folder, which is then renamed to the second one
 */
async function obtain(name, inputs, make, root = CHECKOUT) {
  for (;;) {
    const digest = digestOf(root, inputs());
    const folder = join(CACHE, `${name}-${digest}`);
    if (fs.existsSync(folder)) return folder;
    fs.mkdirSync(CACHE, { recursive: true });
    const partial = fs.mkdtempSync(join(CACHE, `${name}-partial-`));
    fs.chmodSync(partial, 0o755); // Other users may run what one of them has made.
    try {
      await make(partial, folder);
      // Otherwise a file was saved meanwhile.
      if (digestOf(root, inputs()) === digest) fs.renameSync(partial, folder);
    } catch (error) {
      if (!fs.existsSync(folder)) throw error; // Another process has made it.
    } finally {
      fs.rmSync(partial, { recursive: true, force: true });
      await (await import('esbuild')).stop(); // Otherwise its process stays as long as this one.
    }
    removeUnused(name, folder);
  }
}

/** Covers this file and the packages too, and the place of the checkout, which compiled files contain. */
function digestOf(root, files) {
  const hash = createHash('sha256').update(CHECKOUT);
  for (const path of [
    ...files.map((file) => join(root, file)),
    ...['compile.mjs', 'package.json', 'package-lock.json'].map((file) => join(CHECKOUT, file)),
  ])
    hash
      .update(`${path.slice(root.length)}\0`)
      .update(fs.readFileSync(path))
      .update('\0');
  return hash.digest('hex').slice(0, 16);
}

function removeUnused(name, used) {
  if (!fs.existsSync('/proc')) return;
  const processes = fs
    .readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .map((pid) => {
      try {
        return ['cmdline', 'environ']
          .map((about) => fs.readFileSync(`/proc/${pid}/${about}`, 'utf8'))
          .join('');
      } catch {
        return ''; // It has exited, or belongs to another user.
      }
    });
  for (const other of fs.readdirSync(CACHE).filter((each) => each.startsWith(`${name}-`))) {
    const folder = join(CACHE, other);
    const age = Date.now() - (fs.statSync(folder, { throwIfNoEntry: false })?.mtimeMs ?? Infinity);
    if (folder !== used && age > UNUSED_MS && !processes.some((started) => started.includes(folder)))
      fs.rmSync(folder, { recursive: true, force: true });
  }
}

function replacing(contents) {
  const names = [...contents.keys()].map((file) => file.replace(/[^\w/]/g, '\\$&'));
  return {
    name: 'replacing',
    setup: ({ onLoad }) =>
      onLoad({ filter: new RegExp(`/(${names.join('|')})$`) }, ({ path }) => {
        const text = contents.get(path.slice(CHECKOUT.length + 1));
        return text === undefined ? undefined : { contents: text, loader: 'ts' };
      }),
  };
}

/** Paths of all files in these folders, relative to the root. */
function filesIn(root, folders) {
  return folders
    .flatMap((folder) =>
      fs
        .readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1)),
    )
    .sort();
}

function read(file) {
  return fs.readFileSync(join(CHECKOUT, file), 'utf8');
}

if (process.argv[1] && fs.realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  const compiled = process.env.ORCHESTRATION_COMPILED ?? (await compile());
  console.log(process.argv[2] === 'workflows' ? await bundleWorkflows(compiled) : compiled);
}

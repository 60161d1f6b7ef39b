/**
 * Runs a TypeScript file of this project on a checkout that may be fresh: installs the npm packages when
 * they are not those of package-lock.json, loads .env, then runs the file as a child and takes over its exit code.
 * Plain JavaScript without dependencies, because it runs before there are any.
 *
 *   node bootstrap.mjs FILE.ts ARGUMENTS...
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const checkout = dirname(fileURLToPath(import.meta.url));
const installed = join(checkout, 'node_modules', '.package-lock.json');
const wanted = join(checkout, 'package-lock.json');
const lock = join(checkout, '.npm-ci.lock');

const [file, ...args] = process.argv.slice(2);
if (!file) {
  console.error('Usage: node bootstrap.mjs FILE.ts ARGUMENTS...');
  process.exit(2);
}
await installPackages();
if (existsSync(join(checkout, '.env'))) process.loadEnvFile(join(checkout, '.env'));
run(file, args);

/**
 * True when every package that package-lock.json asks for is installed in that version. npm leaves packages
 * out that are for other systems, and notes times in an order of its own: so only this is compared.
 */
function packagesAreCurrent() {
  if (!existsSync(installed)) return false;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(JSON.parse(readFileSync(wanted, 'utf8')).packages).every(
    ([path, { version, optional }]) => path === '' || optional || present[path]?.version === version,
  );
}

/** One `npm ci` at a time in a checkout: a second bootstrap waits for the first. */
async function installPackages() {
  while (!packagesAreCurrent()) {
    if (!takeLock()) {
      await wait(500);
      continue;
    }
    try {
      if (packagesAreCurrent()) return;
      console.error('Installing npm packages (npm ci): node_modules is not what package-lock.json asks for.');
      const started = Date.now();
      const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
        cwd: checkout,
        stdio: ['ignore', 2, 2],
      });
      if (result.status !== 0) {
        console.error(
          `npm ci failed in ${checkout} (exit code ${result.status ?? result.signal}); its output is above.`,
        );
        process.exit(1);
      }
      console.error(`Installed in ${Math.round((Date.now() - started) / 1000)} s.`);
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }
}

/** True when this process now holds the lock. A lock whose holder is gone is taken away. */
function takeLock() {
  try {
    mkdirSync(lock);
    writeFileSync(join(lock, 'pid'), String(process.pid));
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
  if (holderIsGone()) rmSync(lock, { recursive: true, force: true });
  return false;
}

function holderIsGone() {
  try {
    process.kill(Number(readFileSync(join(lock, 'pid'), 'utf8')), 0);
    return false;
  } catch (error) {
    // No pid file yet: the holder is between its two calls, unless it died there long ago.
    if (error.code === 'ENOENT') return existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 10_000;
    return error.code === 'ESRCH';
  }
}

/** The child outlives no signal of ours: each is passed on, and the channel between us closes if we are killed. */
function run(file, args) {
  const child = spawn(process.execPath, ['--import', 'tsx', resolve(checkout, file), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  stopWithNpm(child);
  child.on('error', (error) => {
    console.error(`Could not run ${file}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(code ?? 128 + ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 0));
  });
}

/** npm runs us through a shell, and a signal to npm may end the two of them and pass us by: then stop, too. */
function stopWithNpm(child) {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill('SIGTERM');
  }, 500);
  timer.unref();
}

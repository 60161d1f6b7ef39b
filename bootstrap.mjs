/**
 * Runs a TypeScript file of this project, also on a fresh checkout: installs the npm packages when they do
 * not match package-lock.json, compiles what changed, loads .env, then runs the file as a child process and exits
 * with its code. Plain JavaScript without dependencies, because it runs before any are installed.
 *
 *   node bootstrap.mjs FILE.ts ARGUMENTS...
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { compile } from './compile.mjs';

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
run(await compile(), file, args);

/**
 * True when every package in package-lock.json is installed in that version. Only versions are compared: npm
 * omits packages for other systems, and the modification times of the two files are in no reliable order.
 */
function packagesAreCurrent() {
  if (!existsSync(installed)) return false;
  const present = JSON.parse(readFileSync(installed, 'utf8')).packages;
  return Object.entries(JSON.parse(readFileSync(wanted, 'utf8')).packages).every(
    ([path, { version, optional }]) => path === '' || optional || present[path]?.version === version,
  );
}

/** Only one `npm ci` runs at a time in a checkout: a second bootstrap waits for the first. */
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

/** Returns whether this process now holds the lock. Removes a lock whose holder has exited. */
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
    // No pid file: the holder is about to write it, unless it died between its two calls long ago.
    if (error.code === 'ENOENT') return existsSync(lock) && Date.now() - statSync(lock).mtimeMs > 10_000;
    return error.code === 'ESRCH';
  }
}

/**
 * The child stops with this process: signals are forwarded, and the IPC channel closes if this one is killed.
 */
function run(compiled, file, args) {
  const child = spawn(process.execPath, [join(compiled, file.replace(/\.ts$/, '.js')), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, ORCHESTRATION_COMPILED: compiled },
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

/** npm runs this process through a shell. A signal may end only npm and the shell: watch for a new parent. */
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

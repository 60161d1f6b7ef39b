import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { reservePort } from '../../reservedPorts';
import { Supervised } from './supervised';

let supervised: Supervised;

async function run(
  program: string | string[],
  environment: Record<string, string> = {},
  changed = '',
): Promise<Supervised> {
  supervised = await Supervised.start(program, environment, changed);
  return supervised;
}

afterEach(() => supervised[Symbol.asyncDispose]());

describe('a program that ends with 0', () => {
  it('is complete: its container stays up and ready', async () => {
    const program = await run('completes.py');
    await program.printed('its pod stays up');
    expect(await program.probe()).toEqual({ status: 200, why: 'completed' });
    expect(program.output).toMatch(/^Hello$/m);
  });

  it('ends its container at once when asked to stop', async () => {
    const program = await run('completes.py');
    await program.printed('its pod stays up');
    program.signal('SIGTERM');
    expect(await program.exitCode()).toBe(0);
  });

  it('is complete even when processes that it left behind end later', async () => {
    const program = await run('leaves_an_orphan.py');
    await program.printed('its pod stays up');
    expect((await program.probe()).why).toBe('completed');
  });

  it('ends its container when it is to run once', async () => {
    const program = await run('--once completes.py');
    expect(await program.exitCode()).toBe(0);
    expect(program.output).toMatch(
      /^Hello\norchestration: program completed after \d+\.\d s with exit code 0$/m,
    );
  });

  it('runs in a copy of its files that it can write, as in the test pod', async () => {
    const program = await run('uses_its_directory.py');
    await program.printed('wrote kept beside True, one folder True, home True');
  });

  it('gets its arguments', async () => {
    const program = await run(['once', 'shows_arguments.py', '--x', '$(PORT)', 'é è']);
    await program.printed("['--x', '$(PORT)', 'é è']");
  });
});

describe('a program with a database', () => {
  it('starts when the database accepts connections', async () => {
    const PGPORT = String(await reservePort());
    const program = await run('completes.py', { PGHOST: '127.0.0.1', PGPORT });
    await wait(500);
    expect(program.output).toBe('');
    const database = createServer((socket) => socket.end()).listen(Number(PGPORT), '127.0.0.1');
    await program.printed('Hello');
    expect(program.output).not.toContain('database');
    database.close();
  });

  it('lets a probe wait that comes before its database accepts connections', async () => {
    const PGPORT = String(await reservePort());
    const program = await run(['run', 'completes.py'], { PGHOST: '127.0.0.1', PGPORT });
    await program.listensForProbes();
    const probed = program.probe();
    const database = createServer((socket) => socket.end()).listen(Number(PGPORT), '127.0.0.1');
    expect(await probed).toEqual({ status: 200, why: 'completed' });
    database.close();
  });

  it('starts all the same when the database stays down, and its log tells why that took long', async () => {
    const away = { PGHOST: '127.0.0.1', PGPORT: String(await reservePort()) };
    const program = await run('completes.py', away, 'await_database.WAIT_SECONDS = 0.3');
    await program.printed('Hello');
    expect(program.output).toMatch(/^orchestration: the database could not be reached for 0\.\d s/);
  });

  it('does not wait for it when it is asked to stop', async () => {
    const asks = "await_database.can_connect = lambda host, port, seconds: print('asked') is not None";
    const program = await run('runs_long.py', { PGHOST: '127.0.0.1', PGPORT: '5432' }, asks);
    await program.printed('asked');
    program.signal('SIGTERM');
    await program.printed('could not be reached');
    expect(await program.exitCode()).toBe(143);
  });
});

describe('a program that was submitted with input and arguments', () => {
  const given = mkdtempSync(join(tmpdir(), 'input-'));
  writeFileSync(join(given, 'stdin'), 'a line\n');
  writeFileSync(join(given, 'args'), JSON.stringify(['-v', '$(PORT)', 'é']));
  afterAll(() => rmSync(given, { recursive: true }));

  it('gets them in production', async () => {
    const program = await run(['run', 'shows_input.py'], { INPUT_DIRECTORY: given });
    await program.printed("['-v', '$(PORT)', 'é'] 'a line\\n'");
  });

  it('has a migration that gets none of it', async () => {
    const program = await run(['once', 'shows_arguments.py'], { INPUT_DIRECTORY: given });
    await program.printed('[]');
  });
});

describe('a program at another start of its container', () => {
  it('finds what it wrote, and its own files as they were deployed', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'work-'));
    const once = async () => {
      const program = await run('once changes_itself.py', { WORK_DIRECTORY: folder });
      expect(await program.exitCode()).toBe(0);
      return program.output;
    };
    expect(await once()).toMatch(/^first True\n/);
    expect(await once()).toMatch(/^again True\n/);
    rmSync(folder, { recursive: true });
  });
});

describe('a file with a name that could be something else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'named-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    '-V',
    '-c',
    '-',
    '--once',
    '--install',
    '--version',
    'run',
    '$(PORT).py',
    '$$.py',
    '{memory_mb}.py',
  ])('is run: %s', async (name) => {
    writeFileSync(
      join(folder, name),
      'import os, sys; print("ran", os.path.basename(__file__)); sys.exit(3)',
    );
    const program = await run(['once', name], { PROGRAM_DIRECTORY: folder });
    expect(await program.exitCode()).toBe(3);
    expect(program.output).toContain(`ran ${name}\n`);
  });

  it.each(['--version', 'inspect'])('is run by Node: %s', async (name) => {
    writeFileSync(join(folder, name), 'console.log("ran"); process.exit(3)');
    const program = await run(['once', name], { PROGRAM_DIRECTORY: folder, LANGUAGE: 'javascript' });
    expect(await program.exitCode()).toBe(3);
  });
});

describe('a program that fails', () => {
  it('ends its container with the same exit code and says so', async () => {
    const program = await run('fails.py');
    expect(await program.exitCode()).toBe(3);
    expect(program.output).toMatch(
      /^about to fail\norchestration: program failed after \d+\.\d s: exit code 3$/m,
    );
  });

  it('ends its container with 128 + signal when a signal killed it', async () => {
    const program = await run('is_killed.py');
    expect(await program.exitCode()).toBe(137);
    expect(program.output).toContain('SIGKILL');
  });

  it('of any number, real-time signals too', async () => {
    const program = await run('is_killed.py', { SIGNAL_NUMBER: '37' });
    expect(await program.exitCode()).toBe(165);
    expect(program.output).toContain('SIGRTMIN+3');
  });

  it('is not even started when its file is missing', async () => {
    const program = await run('missing.py');
    expect(await program.exitCode()).toBe(66);
    expect(program.output).toContain('missing.py');
  });
});

describe('the language of a program', () => {
  it('says how it is run, and with which variables', async () => {
    const program = await run('hello.js', { LANGUAGE: 'javascript' });
    await program.printed('its pod stays up');
    expect(program.output).toContain('Hello from JavaScript');
  });

  it('that is not known ends the container with a line that names it', async () => {
    const program = await run('hello.js', { LANGUAGE: 'klingon' });
    expect(await program.exitCode()).toBe(69);
    expect(program.output).toContain('klingon');
  });

  it('whose program is not in the image ends the container with a line that names that', async () => {
    const program = await run('hello.js', {
      LANGUAGE: 'absent',
      LANGUAGES_DIRECTORY: join(__dirname, 'languages'),
    });
    expect(await program.exitCode()).toBe(69);
    expect(program.output).toContain('no-such-interpreter cannot be started: No such file or directory');
  });
});

describe('requirements', () => {
  const LANGUAGES_DIRECTORY = join(__dirname, 'languages');
  const environment = () => ({ LANGUAGE: 'listing', LANGUAGES_DIRECTORY, LAYER_DIRECTORY: layer });
  const endOf = async (what: string) => {
    const program = await run(what, environment());
    const code = await program.exitCode();
    await program[Symbol.asyncDispose]();
    return { code, output: program.output };
  };
  let layer: string;

  beforeEach(() => (layer = mkdtempSync(join(tmpdir(), 'layer-'))));
  afterEach(() => rmSync(layer, { recursive: true }));

  it('are installed where the program finds them, and once for the life of its pod', async () => {
    expect((await endOf('--install one two')).code).toBe(0);
    expect((await endOf('--install one two')).code).toBe(0);
    expect((await endOf('--once completes.py')).output).toMatch(/^one\ntwo\n/);
  });

  it('that cannot be installed end the container with the code of the installer, and are tried anew', async () => {
    expect((await endOf('--install one missing')).code).toBe(3);
    expect((await endOf('--install one')).code).toBe(0);
    expect((await endOf('--once completes.py')).output).toMatch(/^one\norchestration/);
  });
});

describe('a program that runs on', () => {
  it('is not ready before it has run for a while', async () => {
    const program = await run('runs_long.py');
    await program.printed('started');
    expect(await program.probe()).toEqual({ status: 503, why: 'starting' });
  });

  it('is asked to stop by SIGTERM, and its own exit code counts', async () => {
    const program = await run('cleans_up.py');
    await program.printed('started');
    program.signal('SIGTERM');
    expect(await program.exitCode()).toBe(0);
    expect(program.output).toContain('cleaned up');
  });

  it('is killed when it does not end', async () => {
    const program = await run('ignores_sigterm.py', {}, 'entry.STOP_SECONDS = 0.3');
    await program.printed('started');
    program.signal('SIGTERM');
    expect(await program.exitCode()).toBe(137);
    expect(program.output).toContain('did not end within');
  });

  it('is stopped by SIGINT too', async () => {
    const program = await run('runs_long.py');
    await program.printed('started');
    program.signal('SIGINT');
    expect(await program.exitCode()).toBe(143);
  });
});

const describeOnLinux = process.platform === 'linux' ? describe : describe.skip;

describeOnLinux('a program that serves (read from /proc/net, on Linux only)', () => {
  it('is ready as soon as it listens', async () => {
    const program = await run('serves.py');
    await program.printed('serving');
    expect(await program.probe()).toEqual({ status: 200, why: `serving on port ${program.port}` });
  });

  it('is not ready when only its own pod could reach it, and is told why', async () => {
    const program = await run('serves.py', { LISTEN_ON: '127.0.0.1' });
    await program.printed('serving');
    expect((await program.probe()).status).toBe(503);
    await program.printed('listen on 0.0.0.0');
  });

  it('finishes the requests that it has when it is asked to stop, and ends after the last of them', async () => {
    const program = await run('serves.py');
    await program.printed('serving');
    await program.probe();
    const begun = performance.now();
    const response = fetch(`http://127.0.0.1:${program.port}/slow`);
    await program.printed('has a slow request');
    program.signal('SIGTERM');
    expect(await (await response).text()).toBe('served\n');
    expect(await program.exitCode()).toBe(143);
    const seconds = (performance.now() - begun) / 1000;
    expect(seconds).toBeGreaterThan(3);
    expect(seconds).toBeLessThan(20);
  });

  it('that is known to serve is not ready before it listens', async () => {
    const program = await run('runs_long.py', { SERVES: '1' }, 'readiness.SETTLE_SECONDS = 0.1');
    await program.printed('started');
    await wait(200); // Longer than a program that does not serve needs to become ready.
    expect(await program.probe()).toEqual({ status: 503, why: 'starting' });
  });

  it('goes on serving for a moment after it was asked to stop, and is no longer ready', async () => {
    const program = await run('serves.py');
    await program.printed('serving');
    await program.probe();
    program.signal('SIGTERM');
    expect((await untilNotReady(program)).why).toBe('stopping');
    const response = await fetch(`http://127.0.0.1:${program.port}/`);
    expect(await response.text()).toBe('served\n');
    expect(await program.exitCode()).toBe(143);
  });
});

async function untilNotReady(program: Supervised) {
  for (;;) {
    const answer = await program.probe();
    if (answer.status !== 200) return answer;
  }
}

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerPart } from '../../local-stack/parts/serverPart';
import { startAndWait } from '../../local-stack/part';
import { readSettings } from '../../local-stack/settings';
import { keepRunning } from '../../local-stack/supervisor';

const directory = mkdtempSync(join(tmpdir(), 'supervisor-'));
afterAll(() => rmSync(directory, { recursive: true }));

function sleeper(works?: () => Promise<boolean>): ServerPart {
  return new ServerPart({
    settings: { ...readSettings(), stateDirectory: directory },
    name: 'sleeper',
    specification: () => Promise.resolve({ command: 'sleep', args: ['600'] }),
    isReady: () => Promise.resolve(true),
    readyWithin: 5_000,
    ...(works && { works }),
  });
}

/** Watches a part until it was restarted. @returns the reported lines */
async function untilRestarted(part: ServerPart): Promise<string[]> {
  const said: string[] = [];
  const stopping = new AbortController();
  const say = (line: string) => void said.push(line);
  await new Promise<void>((restarted, reject) => {
    keepRunning(part, { say, restarted, stopping: stopping.signal, lookEvery: 20 }).catch(reject);
  });
  stopping.abort();
  await part.stop(0);
  return said;
}

test('a server that runs and does not work any more is ended and started again', async () => {
  const answers = [true, false, false, true];
  let looks = 0;
  const part = sleeper(() => Promise.resolve(answers[looks++] ?? false));
  await startAndWait(part);
  const first = part.pid;
  const said = await untilRestarted(part);
  // Two failures in a row have no effect, three do.
  expect(looks).toBe(answers.length + 3);
  expect(said[0]).toBe('sleeper runs, but does not work any more');
  expect(said[1]).toMatch(/^sleeper was ended by SIGKILL.* Starting it again \(1 of 5\)$/);
  expect(first).toBeDefined();
});

test('a server that dies is started again, and one of which nobody can tell is left alone', async () => {
  const part = sleeper();
  await startAndWait(part);
  const first = part.pid;
  setTimeout(() => process.kill(first!, 'SIGKILL'), 200);
  expect(await untilRestarted(part)).toEqual([
    expect.stringContaining('was ended by SIGKILL'),
    'sleeper runs again',
  ]);
});

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ServerProcess, type ServerSpecification } from '../../local-stack/machine/serverProcess';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'server-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const start = (script: string, more: Partial<ServerSpecification> = {}) =>
  ServerProcess.start(
    { name: 'toy', command: 'sh', args: ['-c', script], logFile: join(directory, 'toy.log'), ...more },
    'a test',
  );
const logged = () => readFileSync(join(directory, 'toy.log'), 'utf8');

test('a server is ready when its check says so; a check that throws means not yet', async () => {
  const server = start('echo listening; exec sleep 60');
  let calls = 0;
  await server.waitUntil(() => {
    calls += 1;
    return calls === 1
      ? Promise.reject(new Error('refused'))
      : Promise.resolve(logged().includes('listening'));
  }, 5000);
  expect(calls).toBeGreaterThan(1);
  await server.stop();
});

test('the error about a server that dies has its exit code and the end of its log', async () => {
  const server = start('echo "address in use" >&2; exit 3');
  const wait = server.waitUntil(() => Promise.resolve(false), 5000);
  await expect(wait).rejects.toThrow(/toy ended with exit code 3.*toy\.log ends with:\s+address in use/s);
  expect(server.died).toBe(true);
});

test('the error about a server that takes too long has the last reason', async () => {
  const server = start('exec sleep 60');
  const wait = server.waitUntil(() => Promise.reject(new Error('connection refused')), 100);
  await expect(wait).rejects.toThrow('toy was not ready within 0.1 s: connection refused');
  await server.stop();
});

test('a server that is stopped did not die', async () => {
  const server = start('exec sleep 60');
  await server.stop();
  expect(server.died).toBe(false);
  expect(await server.ended).toBe('was ended by SIGTERM');
});

test('a server that takes no SIGTERM is killed after its grace period, or at once when hurried', async () => {
  const server = start('trap "" TERM; echo deaf; while :; do sleep 60 & wait; done');
  await server.waitUntil(() => Promise.resolve(logged().includes('deaf')), 5000);
  const gentle = server.stop(60_000);
  await server.stop(0);
  await gentle;
  expect(await server.ended).toBe('was ended by SIGKILL');
});

test('a program that is not there is an error that names it', async () => {
  const server = start('', { command: '/no/such/program', args: [] });
  await expect(server.waitUntil(() => Promise.resolve(false), 5000)).rejects.toThrow('/no/such/program');
});

test('the log of the run before is kept', async () => {
  await start('echo first').ended;
  await start('echo second').ended;
  expect(readFileSync(join(directory, 'toy.log.1'), 'utf8')).toBe('first\n');
  expect(logged()).toBe('second\n');
});

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { compiledFile } from './build';
import { reservePort } from './reservedPorts';

jest.setTimeout(60_000);

const processes: ChildProcess[] = [];

afterEach(async () => {
  await Promise.all(processes.splice(0).map(end));
});

/**
 * Starts a process that prints the result of the expression, or the error's message, as a line of JSON, and
 * then waits for SIGKILL.
 */
async function startProcess(expression: string): Promise<{ child: ChildProcess; result: unknown }> {
  const script = `
    const { reservePort } = require(${JSON.stringify(compiledFile('test/reservedPorts.ts'))});
    setInterval(() => {}, 60_000);
    (${expression}).catch((error) => error.message).then((result) => console.log(JSON.stringify(result)));`;
  const child = spawn(process.execPath, ['--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  processes.push(child);
  const ended = once(child, 'exit').then(() =>
    Promise.reject(new Error('The process ended without a result.')),
  );
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), ended])) as [string];
  return { child, result: JSON.parse(line) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const only = (port: number) => `reservePort({ first: ${port}, last: ${port} })`;

test('hundreds of concurrent reservations in several processes are all different', async () => {
  const each = 'Promise.all(Array.from({ length: 150 }, () => reservePort()))';
  const started = await Promise.all(Array.from({ length: 4 }, () => startProcess(each)));
  const ports = started.flatMap(({ result }) => result as number[]);
  expect(new Set(ports).size).toBe(600);
});

test('a port stays reserved while its user restarts, and is free once the process that reserved it has ended', async () => {
  const { child: reserver, result: port } = await startProcess('reservePort()');
  for (let start = 0; start < 2; start++) {
    const user = createServer().listen(port as number, '127.0.0.1');
    await once(user, 'listening');
    user.close();
    await once(user, 'close');
    const { result } = await startProcess(only(port as number));
    expect(result).toContain(`No port from ${port as number} to ${port as number} is free`);
  }
  await end(reserver);
  expect((await startProcess(only(port as number))).result).toBe(port);
});

test('a port on which a program listens is not given', async () => {
  const { child: reserver, result: port } = await startProcess('reservePort()');
  const listener = createServer().listen(port as number, '127.0.0.1');
  await once(listener, 'listening');
  await end(reserver);
  await expect(reservePort({ first: port as number, last: port as number })).rejects.toThrow('is free');
  listener.close();
  await once(listener, 'close');
});

test('no port is given that the kernel gives to outgoing connections', async () => {
  const [first, last] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8')
    .trim()
    .split(/\s+/)
    .map(Number);
  const port = await reservePort();
  expect(port < first! || port > last!).toBe(true);
  await expect(reservePort({ first: first!, last: last! })).rejects.toThrow('net.ipv4.ip_local_port_range');
});

import { execFile } from 'node:child_process';
import { connect, createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { readSettings } from '../../local-stack/settings';
import { Client } from './client';
import { submit, Users } from './deployed';
import { eventually } from './eventually';
import { kubectl } from './kubectl';
import { inNodeNetwork, listenInNode } from './nodeNetwork';
import { sharedPlatform } from './platform';
import { stack } from './stack';

/**
 * Every connection that network policies allow or deny, tried from pods. A denied connection is refused, like one to a
 * port without a listener. So the tests first check that each denied target accepts connections from elsewhere.
 */

const users = new Users('network');
const platform = sharedPlatform();
const base = platform.url.replace(/^ws/, 'http').replace('/ws/code', '');
const { network, ports } = readSettings();
const [user, other] = [users.another(), users.another()];

/** `open`, or why there was no connection. DNS is asked over UDP, for a name of the cluster. */
const PROBE = `
import errno, json, socket, sys

def connect(target):
    host, port = target.rsplit(':', 1)
    try:
        socket.create_connection((host, int(port)), 3).close()
        return 'open'
    except socket.gaierror:
        return 'unresolved'
    except OSError as error:
        return errno.errorcode.get(error.errno, 'timeout')

def ask(target):
    host, port = target.rsplit(':', 1)
    name = b''.join(bytes([len(part)]) + part for part in b'kubernetes.default.svc.cluster.local'.split(b'.'))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.settimeout(2)
        try:
            peer.connect((host, int(port)))
            peer.send(b'\\0\\7\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0' + name + b'\\0\\0\\1\\0\\1')
            peer.recv(512)
            return 'open'
        except OSError as error:
            return errno.errorcode.get(error.errno, 'timeout')

def probe(targets):
    return {target: ask(target[4:]) if target.startswith('dns:') else connect(target) for target in targets}
`;

/** Answers `/TARGET,TARGET…` with what it reached, as JSON. */
const prober = `${PROBE}
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(probe(self.path[1:].split(','))).encode())

ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
`;

type Reached = Record<string, string>;

/** What the program in production reaches, asked through the gateway. */
async function fromProgram(...targets: string[]): Promise<Reached> {
  const response = await fetch(`${base}/apps/${user}/${targets.join(',')}`);
  expect(response.status).toBe(200);
  return (await response.json()) as Reached;
}

/** What a program reaches in its tests. */
async function fromTestPod(...targets: string[]): Promise<Reached> {
  const client = await Client.connect(platform);
  client.send({
    user_id: user,
    code: `${PROBE}\nprint(json.dumps(probe(sys.argv[1:])))`,
    args: targets,
    deploy: false,
  });
  expect(await client.frame((frame) => 'status' in frame)).toMatchObject({ status: 'tests_passed' });
  await client.close();
  const printed = client.frames.filter(({ type, stream }) => type === 'output' && stream === 'stdout');
  return JSON.parse(printed.map(({ text }) => text).join('')) as Reached;
}

/** What the database's pod reaches. It has no Python. */
async function fromDatabase(...targets: string[]): Promise<Reached> {
  const connect = targets.map((target) => {
    const [host, port] = target.split(':');
    return `(timeout 3 bash -c 'exec 3<>/dev/tcp/${host}/${port}' 2>/dev/null && echo open || echo closed)`;
  });
  const pod = ['-n', `user-${user}`, `${user}-prod-db-0`];
  const lines = (await kubectl('exec', ...pod, '--', 'bash', '-c', connect.join('; '))).trim().split('\n');
  return Object.fromEntries(targets.map((target, at) => [target, lines[at] ?? '']));
}

const podIp = async (userId: string, labels: string) =>
  kubectl('get', 'pod', '-n', `user-${userId}`, '-l', labels, '-o', 'jsonpath={.items[0].status.podIP}');
const serviceIp = async (userId: string, name: string) =>
  kubectl('get', 'service', '-n', `user-${userId}`, `${userId}-${name}`, '-o', 'jsonpath={.spec.clusterIP}');

/** DNS of a node-local cache, and the metadata server of clouds. */
const LINK_LOCAL = ['169.254.20.10:53', '169.254.169.254:80'];

/** A pod of kube-system that accepts connections at the port of DNS, as DNS servers of most clusters do. @returns its IP */
async function dnsPod(): Promise<string> {
  const accept = `import socket
listener = socket.create_server(('', 53))
while True: listener.accept()[0].close()`;
  const image = [`--image=${stack().images.program}`, '--image-pull-policy=IfNotPresent'];
  const asRoot = `--overrides=${JSON.stringify({ spec: { securityContext: { runAsUser: 0 } } })}`;
  await kubectl(
    'run',
    DNS_POD,
    '-n',
    'kube-system',
    ...image,
    asRoot,
    '--command',
    '--',
    'python3',
    '-c',
    accept,
  );
  await kubectl('wait', '--for=condition=Ready', `pod/${DNS_POD}`, '-n', 'kube-system', '--timeout=60s');
  return kubectl('get', 'pod', DNS_POD, '-n', 'kube-system', '-o', 'jsonpath={.status.podIP}');
}

const DNS_POD = `network-test-${user}`;

let inNode: Awaited<ReturnType<typeof listenInNode>>;
const onMachine = createServer((socket) => socket.end());
let denied: string[] = [];

beforeAll(async () => {
  inNode = await listenInNode(LINK_LOCAL);
  onMachine.listen(0, network.hostAddress);
  const [finals, dns] = await Promise.all([
    Promise.all([user, other].map((id) => submit(platform, id, prober))),
    dnsPod(),
    once(onMachine, 'listening'),
  ]);
  for (const final of finals) expect(final).toMatchObject({ status: 'deployed' });
  denied = [
    `${await podIp(other, 'component=db')}:5432`,
    `${await serviceIp(other, 'prod-db')}:5432`,
    `${await podIp(other, 'component=program')}:8080`,
    `${await serviceIp(other, 'prod')}:80`,
    `${network.apiserverServiceAddress}:443`,
    `${network.hostAddress}:${ports.apiserver}`,
    `${network.nodeAddress}:10250`,
    `${network.hostAddress}:${(onMachine.address() as AddressInfo).port}`,
    `${network.dnsServiceAddress}:53`,
    `${network.hostAddress}:${ports.dns}`,
    `${dns}:53`,
    `dns:${network.dnsServiceAddress}:53`,
    `dns:${network.hostAddress}:${ports.dns}`,
    ...LINK_LOCAL,
  ];
});

afterAll(async () => {
  await inNode?.close();
  onMachine.close();
  await kubectl('delete', 'pod', DNS_POD, '-n', 'kube-system', '--grace-period=0', '--ignore-not-found');
  await users.remove();
});

const all = (targets: string[], what: unknown) => Object.fromEntries(targets.map((target) => [target, what]));
const refused = expect.not.stringMatching(/^open$/) as unknown;

test('what is denied below can be reached by those who may', async () => {
  const script = ['python3', '-c', `${PROBE}\nprint(json.dumps(probe(sys.argv[1:])))`] as const;
  const ofUsers = /:(5432|8080|80)$/;
  const ofMachine = denied.filter((target) => !LINK_LOCAL.includes(target) && !ofUsers.test(target));
  const { stdout } = await promisify(execFile)(script[0], [...script.slice(1), ...ofMachine]);
  expect(JSON.parse(stdout)).toEqual(all(ofMachine, 'open'));
  expect(JSON.parse(await inNodeNetwork(...script, ...LINK_LOCAL))).toEqual(all(LINK_LOCAL, 'open'));
  const database = await podIp(user, 'component=db');
  expect(await fromProgram(`${database}:5432`)).toEqual({ [`${database}:5432`]: 'open' });
});

describe('a program in production', () => {
  test('reaches its database by all its names, without DNS', async () => {
    const name = `${user}-prod-db`;
    const names = [name, `${name}.user-${user}`, `${name}.user-${user}.svc.cluster.local`];
    const targets = names.map((each) => `${each}:5432`);
    expect(await fromProgram(...targets)).toEqual(all(targets, 'open'));
  });

  test('reaches its database after its pod was replaced', async () => {
    const before = await podIp(user, 'component=db');
    await kubectl('delete', 'pod', '-n', `user-${user}`, `${user}-prod-db-0`);
    const target = `${user}-prod-db:5432`;
    await eventually(async () => {
      expect(await podIp(user, 'component=db')).not.toBe(before);
      expect(await fromProgram(target)).toEqual({ [target]: 'open' });
    });
  });

  test('reaches nothing else of the cluster, the node and the machine', async () => {
    expect(await fromProgram(...denied)).toEqual(all(denied, refused));
  });

  test('resolves no other name, and the lookup fails at once', async () => {
    const started = Date.now();
    const names = ['kubernetes.default.svc.cluster.local:443', 'example.com:443'];
    expect(await fromProgram(...names)).toEqual(all(names, 'unresolved'));
    expect(Date.now() - started).toBeLessThan(3_000);
  });

  test('reaches the package index, as its installer does', async () => {
    const { packageIndex } = stack();
    if (!packageIndex) return console.warn('This machine has no package index: not tested.');
    const target = new URL(packageIndex.url).host;
    expect(await fromProgram(target)).toEqual({ [target]: 'open' });
  });

  test('is reached by its probes, and its log can be read', async () => {
    const ready = 'jsonpath={.items[0].status.containerStatuses[0].ready}';
    const pods = ['-n', `user-${user}`, '-l', 'component=program'];
    expect(await kubectl('get', 'pod', ...pods, '-o', ready)).toBe('true');
    expect(await kubectl('logs', ...pods, '-c', 'program', '--tail=-1')).toContain('GET /');
  });
});

describe('a test pod', () => {
  test('reaches the database of its user, for test databases', async () => {
    const target = `${await podIp(user, 'component=db')}:5432`;
    expect(await fromTestPod(target)).toEqual({ [target]: 'open' });
  });

  test('reaches neither the program of its user nor anything else', async () => {
    const targets = [`${await podIp(user, 'component=program')}:8080`, ...denied];
    expect(await fromTestPod(...targets)).toEqual(all(targets, refused));
  });
});

describe('a database', () => {
  test('reaches nothing', async () => {
    const tcp = denied.filter((target) => !target.startsWith('dns:'));
    const targets = [`${await podIp(user, 'component=program')}:8080`, ...tcp];
    expect(await fromDatabase(...targets)).toEqual(all(targets, 'closed'));
  });

  test('is not reached from the machine, where nothing but its probes may reach it', async () => {
    const socket = connect(5432, await podIp(user, 'component=db'));
    const outcome = await Promise.race([
      once(socket, 'connect').then(() => 'open'),
      once(socket, 'error').then(([error]) => (error as NodeJS.ErrnoException).code),
    ]).catch((error: unknown) => (error as NodeJS.ErrnoException).code);
    socket.destroy();
    expect(outcome).toBe('ECONNREFUSED');
  });
});

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { nodeProcess } from '../build';
import { connectKubernetes } from '../../infrastructure/kubernetes/api/client';
import { createEnvironments } from '../../infrastructure/kubernetes/environment/environments';
import { setPlan } from '../../infrastructure/kubernetes/environment/userPlans';
import { readConfig } from '../../infrastructure/config/config';
import { answerOf, submit, Users } from './deployed';
import { eventually } from './eventually';
import { kubectl } from './kubectl';
import { GATEWAY_ADDRESS, startOutside, type Outside } from './outside';
import { startPlatform, type Platform } from './platform';
import { stack } from './stack';

/** What pods reach beyond the cluster, by the plan of their user. The network policies of the cluster are enforced. */

/** In a range for documentation, whose first half is in the plan. */
const IN_RANGE = '203.0.113.10:443';
const OTHER_PORT = '203.0.113.10:8443';
const NEIGHBOUR = '203.0.113.20:443';
/** Of AS112 (RFC 7535): public by the registry of IANA. Only the outside of this test has a route to it. */
const PUBLIC = '192.31.196.1:443';

/** Names that the egress proxy resolves: to a public address, and to one that is not. */
const HOSTS_FILE = '127.0.0.1 localhost\n192.31.196.1 api.example.com\n203.0.113.20 internal.example.com\n';
const PROXY = `${GATEWAY_ADDRESS}:3128`;
const PROXY_KEY = randomUUID();

const PLANS = JSON.stringify({
  named: { egress: { hosts: ['api.example.com', { host: 'internal.example.com', ports: [443] }] } },
  ranges: { egress: { ranges: [{ cidr: '203.0.113.0/28', ports: [443] }] } },
  online: { egress: { internet: true } },
});

/** Answers each request with `answer()`. */
const HANDLER = `class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = answer().encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
`;

/** Answers with what it reached, as JSON by target; a target without a port is a name to resolve. */
const prober = (targets: string[]) => `
import errno, json, os, socket, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

def probe(target):
    host, _, port = target.partition(':')
    try:
        if not port:
            socket.getaddrinfo(host, 80)
            return 'open'
        socket.create_connection((host, int(port)), 3).close()
        return 'open'
    except socket.gaierror:
        return 'unresolved'
    except OSError as error:
        return errno.errorcode.get(error.errno, 'timeout')

def answer():
    return json.dumps({target: probe(target) for target in ${JSON.stringify(targets)}})

${HANDLER}
if os.environ.get('PORT'):
    ThreadingHTTPServer(('', int(os.environ['PORT'])), Handler).serve_forever()
else:
    print(answer())
`;

/** Prints, and answers with, what it got through the egress proxy, as JSON. */
const FETCHER = `
import base64, http.client, json, os, socket, urllib.error, urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

def fetch(url):
    try:
        return urllib.request.urlopen(url, timeout=5).read().decode()
    except urllib.error.HTTPError as error:
        return f'{error.code} {error.read().decode()}'
    except OSError as error:
        return str(error)

def tunnel(host, port):
    proxy = urlsplit(os.environ['HTTPS_PROXY'])
    connection = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=5)
    connection.set_tunnel(host, port, {'Proxy-Authorization': basic(proxy)})
    connection.request('GET', '/')
    return connection.getresponse().read().decode()

def basic(proxy):
    return 'Basic ' + base64.b64encode(f'{proxy.username}:{proxy.password}'.encode()).decode()

def direct(host, port):
    try:
        socket.create_connection((host, port), 3).close()
        return 'open'
    except OSError as error:
        return 'refused'

def answer():
    proxied = 'HTTPS_PROXY' in os.environ
    return json.dumps({
        'plain': fetch('http://api.example.com:443/') if proxied else None,
        'tunnel': tunnel('api.example.com', 443) if proxied and direct('${GATEWAY_ADDRESS}', 3128) == 'open' else None,
        'other': fetch('https://other.example.com/') if proxied else None,
        'private': fetch('https://internal.example.com/') if proxied else None,
        'address': direct('192.31.196.1', 443),
        'proxy': direct('${GATEWAY_ADDRESS}', 3128),
    })

${HANDLER}
print(answer(), flush=True)
ThreadingHTTPServer(('', int(os.environ['PORT'])), Handler).serve_forever()
`;

const users = new Users('egress');
const planned: string[] = [];
let outside: Outside;
let platform: Platform;
let proxy: Awaited<ReturnType<typeof startProxy>>;

beforeAll(async () => {
  outside = await startOutside([IN_RANGE, OTHER_PORT, NEIGHBOUR, PUBLIC]);
  proxy = await startProxy(outside);
  platform = await startPlatform({
    ...{ USER_PLANS: PLANS, EGRESS_PROXY_URL: `http://${PROXY}`, EGRESS_PROXY_KEY: PROXY_KEY },
    EGRESS_PROXY_CIDR: `${GATEWAY_ADDRESS}/32`,
  });
});

afterAll(async () => {
  await platform?.stop();
  await proxy?.stop();
  await outside?.close();
  await users.remove();
  for (const user of planned) await removePlan(user);
});

/** The egress proxy, with the network of the outside and names of its own. */
async function startProxy({ pid }: Outside) {
  const folder = await mkdtemp(join(tmpdir(), 'egress-'));
  const hosts = join(folder, 'hosts');
  await writeFile(hosts, HOSTS_FILE);
  const { args, environment } = nodeProcess('egress-proxy/main.ts');
  const script = `mount --bind ${hosts} /etc/hosts && exec "$@"`;
  const inOutside = ['--target', String(pid), '--net', 'unshare', '--mount', 'sh', '-c', script, 'sh'];
  const child = spawn('nsenter', [...inOutside, process.execPath, ...args], {
    env: {
      ...environment,
      ...{ PATH: process.env.PATH, USER_PLANS: PLANS, EGRESS_PROXY_KEY: PROXY_KEY },
      ...{ HOST: GATEWAY_ADDRESS, EGRESS_PROXY_PORT: '3128' },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const logged: Record<string, unknown>[] = [];
  const ready = new Promise<void>((resolve) => {
    createInterface(child.stdout).on('line', (line) => {
      const entry = JSON.parse(line) as Record<string, unknown>;
      logged.push(entry);
      if (entry.msg === 'egress proxy ready') resolve();
    });
  });
  await Promise.race([ready, ended.then(() => Promise.reject(new Error('The egress proxy did not start.')))]);
  return {
    logged,
    stop: async () => {
      child.kill();
      await ended;
      await rm(folder, { recursive: true });
    },
  };
}

const operator = () => {
  const { operationsKubeconfig: kubeconfig, kubeContext: context } = stack();
  return connectKubernetes({ kubeconfig, context });
};

async function userWith(plan: string): Promise<string> {
  const user = users.another();
  planned.push(user);
  await setPlan(operator(), user, plan);
  return user;
}

const removePlan = (user: string) =>
  kubectl('delete', 'configmap', `plan-${user}`, '-n', 'orchestration-keys', '--ignore-not-found');

/** Prepares the environment again, as a worker does when something is missing. */
async function reconcile(user: string): Promise<string[]> {
  const { workerKubeconfig: kubeconfig, kubeContext: context, images, clusterDns } = stack();
  const kube = connectKubernetes({ kubeconfig, context });
  const { USER_PLANS: plans, CLUSTER_DNS } = readConfig(['USER_PLANS', 'CLUSTER_DNS'], {
    ...{ USER_PLANS: PLANS, CLUSTER_DNS: clusterDns },
  });
  const call = { signal: AbortSignal.timeout(170_000), heartbeat: () => undefined };
  const settings = { testImage: images.test, plans, clusterDns: CLUSTER_DNS };
  return (await createEnvironments(kube, settings).ensure(user, call)).changed;
}

type Reached = Record<string, string>;

async function fromTestPod(user: string, ...targets: string[]): Promise<Reached> {
  const pod = ['-n', `user-${user}`, `${user}-test`];
  return JSON.parse(await kubectl('exec', ...pod, '--', 'python3', '-c', prober(targets))) as Reached;
}

const fromProgram = async (user: string) => JSON.parse(await answerOf(user)) as Reached;

async function deploy(user: string, targets: string[]): Promise<void> {
  expect(await submit(platform, user, prober(targets))).toMatchObject({ status: 'deployed' });
}

async function egressOf(user: string): Promise<unknown> {
  const base = platform.url.replace(/^ws/, 'http').replace('/ws/code', '');
  const headers = { 'X-API-Key': platform.apiKey };
  const response = await fetch(`${base}/api/users/${user}/live`, { headers });
  return ((await response.json()) as { egress: unknown }).egress;
}

const refused = expect.not.stringMatching(/^open$/) as unknown;
const all = (targets: string[], what: unknown) => Object.fromEntries(targets.map((target) => [target, what]));

test('a plan with ranges opens them at its ports, for test pods and programs, until the user no longer has it', async () => {
  const targets = [IN_RANGE, OTHER_PORT, NEIGHBOUR, PUBLIC];
  const user = await userWith('ranges');
  await deploy(user, targets);
  const reached = { ...all(targets, refused), [IN_RANGE]: 'open' };
  expect(await fromProgram(user)).toEqual(reached);
  expect(await fromTestPod(user, ...targets)).toEqual(reached);
  expect(await egressOf(user)).toEqual({
    ...{ internet: false, hosts: [] },
    ranges: [{ cidr: '203.0.113.0/28', ports: [443] }],
  });

  await removePlan(user);
  expect(await reconcile(user)).toEqual(expect.arrayContaining(['NetworkPolicy/plan-egress']));
  await eventually(async () => {
    expect(await fromProgram(user)).toEqual(all(targets, refused));
    expect(await fromTestPod(user, ...targets)).toEqual(all(targets, refused));
  });
  expect(await egressOf(user)).toEqual({ internet: false, ranges: [], hosts: [] });
});

test('a user without a plan reaches nothing of it', async () => {
  const user = users.another();
  const targets = [IN_RANGE, OTHER_PORT, NEIGHBOUR, PUBLIC, 'kubernetes.default.svc.cluster.local'];
  await deploy(user, targets);
  expect(await fromProgram(user)).toEqual(all(targets, refused));
  expect(await fromTestPod(user, ...targets)).toEqual(all(targets, refused));
  expect(await egressOf(user)).toEqual({ internet: false, ranges: [], hosts: [] });
});

test('a plan with the internet opens public addresses and DNS, and a deployment without it closes them', async () => {
  const user = await userWith('online');
  const api = await kubectl('get', 'service', 'kubernetes', '-o', 'jsonpath={.spec.clusterIP}');
  const name = 'kubernetes.default.svc.cluster.local';
  const targets = [PUBLIC, name, `${user}-prod-db:5432`, IN_RANGE, `${api}:443`, '169.254.169.254:80'];
  await deploy(user, targets);
  const reached = { ...all(targets, refused), [PUBLIC]: 'open', [name]: 'open' };
  expect(await fromProgram(user)).toEqual({ ...reached, [`${user}-prod-db:5432`]: 'open' });
  expect(await fromTestPod(user, ...targets)).toEqual({ ...reached, [`${user}-prod-db:5432`]: 'open' });
  expect(await egressOf(user)).toEqual({ internet: true, ranges: [], hosts: [] });

  await removePlan(user);
  await deploy(user, [...targets, '127.0.0.1:1']);
  expect(await fromProgram(user)).toEqual({
    ...all([...targets, '127.0.0.1:1'], refused),
    [`${user}-prod-db:5432`]: 'open',
  });
  expect(await egressOf(user)).toEqual({ internet: false, ranges: [], hosts: [] });
});

test('a plan with hosts opens them through the egress proxy, for tests and programs, until the user no longer has it', async () => {
  const user = await userWith('named');
  const final = await submit(platform, user, FETCHER);
  expect(final).toMatchObject({ status: 'deployed' });
  const reached = {
    ...{ plain: 'outside', tunnel: 'outside', address: 'refused', proxy: 'open' },
    other: expect.stringContaining(
      `403 The plan named of ${user} does not allow connections to other.example.com:443. It allows: api.example.com`,
    ) as string,
    private: expect.stringContaining('403 The host internal.example.com has no public address') as string,
  };
  expect(JSON.parse(String(final.stdout))).toEqual(reached);
  expect(await fromProgram(user)).toEqual(reached);
  expect(await egressOf(user)).toMatchObject({ hosts: [{ host: 'api.example.com', ports: [443, 80] }, {}] });
  const about = proxy.logged.filter((entry) => entry.user === user);
  expect(about).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ method: 'CONNECT', host: 'api.example.com', port: 443, outcome: 'closed' }),
      expect.objectContaining({ method: 'GET', host: 'api.example.com', port: 443, outcome: 'closed' }),
      expect.objectContaining({ host: 'other.example.com', port: 443, outcome: 'refused', status: 403 }),
    ]),
  );

  await removePlan(user);
  await reconcile(user);
  await eventually(async () =>
    expect(await fromProgram(user)).toMatchObject({ proxy: 'refused', tunnel: null }),
  );
});

test('a user without a plan does not reach the egress proxy', async () => {
  const user = users.another();
  const final = await submit(platform, user, FETCHER);
  expect(JSON.parse(String(final.stdout))).toMatchObject({
    plain: null,
    address: 'refused',
    proxy: 'refused',
  });
  expect(await fromProgram(user)).toMatchObject({ plain: null, address: 'refused', proxy: 'refused' });
});

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PooledKubeConfig } from '../../../../infrastructure/kubernetes/api/pooledConfig';
import { CoreV1Api, createConfiguration, ServerConfiguration, Watch } from '@kubernetes/client-node';

let server: Server;
let address: string;
let connections = 0;

beforeAll(async () => {
  server = createServer((request, response) => {
    response.setHeader('Content-Type', 'application/json');
    response.end(request.url?.includes('watch') ? '' : '{"apiVersion":"v1","kind":"Namespace"}');
  }).on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

beforeEach(() => {
  connections = 0;
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

function connect(): { config: PooledKubeConfig; core: CoreV1Api } {
  const config = new PooledKubeConfig();
  config.loadFromOptions({
    clusters: [{ name: 'c', server: address, skipTLSVerify: true }],
    users: [{ name: 'u', token: 'first' }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  });
  const core = new CoreV1Api(
    createConfiguration({
      baseServer: new ServerConfiguration(address, {}),
      authMethods: { default: config },
    }),
  );
  return { config, core };
}

test('requests one after another use one connection', async () => {
  const { core } = connect();
  for (let n = 0; n < 3; n++) await core.readNamespace({ name: 'user-test' });
  expect(connections).toBe(1);
});

test('a watch uses the connection of the request before it', async () => {
  const { config, core } = connect();
  await core.readNamespace({ name: 'user-test' });
  await new Promise<void>((resolve, reject) => {
    new Watch(config)
      .watch(
        '/api/v1/pods',
        {},
        () => undefined,
        () => resolve(),
      )
      .catch(reject);
  });
  expect(connections).toBe(1);
});

test('other credentials use other connections', async () => {
  const { config, core } = connect();
  await core.readNamespace({ name: 'user-test' });
  Object.assign(config.users[0]!, { certData: Buffer.from('another certificate').toString('base64') });
  await core.readNamespace({ name: 'user-test' });
  expect(connections).toBe(2);
});

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { CertificateAuthority } from '../../../local-stack/cluster/certificateAuthority';
import { readSettings } from '../../../local-stack/settings';
import { openMachinePort } from '../../integration/nodeNetwork';
import { stack } from '../../integration/stack';

/**
 * TLS proxies for the local stack's Temporal and Elasticsearch, which listen on loopback, where pods cannot
 * reach them. The proxies listen on the host end of the node's veth pair. Like servers of a company, they
 * require a client certificate or an API key. So tested code has no access, although pods can connect to the
 * two ports during the test.
 */
export interface Fronts {
  temporalAddress: string;
  elasticsearchHost: string;
  /** Path of the certificate authority's PEM file. */
  authority: string;
  client: { certificate: string; key: string };
  elasticsearchApiKey: string;
  close(): Promise<void>;
}

/** @param directory of a test, for certificates */
export async function openFronts(directory: string): Promise<Fronts> {
  const host = readSettings().network.hostAddress;
  const authority = await CertificateAuthority.open(directory, 'ca');
  const [server, client] = await Promise.all([
    authority.issue({ name: 'server', commonName: 'servers', hosts: [host], usage: ['serverAuth'] }),
    authority.issue({ name: 'client', commonName: 'orchestration-app', usage: ['clientAuth'] }),
  ]);
  const identity = { cert: readFileSync(server.certificate), key: readFileSync(server.key) };
  const apiKey = randomBytes(24).toString('base64');
  const servers = [
    temporalFront({ ...identity, ca: readFileSync(authority.files.certificate) }),
    elasticsearchFront(identity, apiKey),
  ];
  // Ports that the network policies of the installation allow.
  const [temporal, elasticsearch] = [7233, 9200];
  await Promise.all([listening(servers[0]!, host, temporal), listening(servers[1]!, host, elasticsearch)]);
  const closePorts = await Promise.all([temporal, elasticsearch].map((port) => openMachinePort(host, port)));
  return {
    temporalAddress: `${host}:${temporal}`,
    elasticsearchHost: `https://${host}:${elasticsearch}`,
    authority: authority.files.certificate,
    client,
    elasticsearchApiKey: apiKey,
    async close() {
      for (const close of closePorts) await close();
      await Promise.all(servers.map(closed));
    },
  };
}

/** Accepts gRPC over TLS from clients with a certificate of the authority, and forwards it unchanged. */
function temporalFront(identity: { cert: Buffer; key: Buffer; ca: Buffer }): Server {
  const [host, port] = stack().temporalAddress.split(':');
  const settings = { ...identity, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2'] };
  return createTlsServer(settings, (inside) => {
    const outside = connect(Number(port), host);
    for (const [one, other] of [
      [inside, outside],
      [outside, inside],
    ] as const)
      one.pipe(other).on('error', () => one.destroy());
    inside.on('close', () => outside.destroy());
  });
}

/** Accepts HTTP over TLS from clients with the API key. */
function elasticsearchFront(identity: { cert: Buffer; key: Buffer }, apiKey: string): Server {
  return createHttpsServer(identity, (asked, answer) => {
    const { authorization, ...headers } = asked.headers;
    if (authorization !== `ApiKey ${apiKey}`) return void answer.writeHead(401).end();
    const { method, url } = asked;
    const forwarded = request(new URL(url ?? '/', stack().elasticsearchHost), { method, headers }, (got) => {
      answer.writeHead(got.statusCode ?? 502, got.headers);
      got.pipe(answer);
    });
    forwarded.on('error', () => answer.writeHead(502).end());
    asked.pipe(forwarded);
  });
}

const sockets = new WeakMap<Server, Set<Socket>>();

async function listening(server: Server, host: string, port: number): Promise<void> {
  const open = new Set<Socket>();
  sockets.set(server, open);
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    // A client that disconnects or is refused.
    socket.on('error', () => socket.destroy()).on('close', () => open.delete(socket));
  });
  server.on('tlsClientError', (_, socket: Socket) => socket.destroy());
  server.listen(port, host);
  await once(server, 'listening');
}

async function closed(server: Server): Promise<void> {
  const end = once(server, 'close');
  server.close();
  sockets.get(server)?.forEach((socket) => socket.destroy());
  await end;
}

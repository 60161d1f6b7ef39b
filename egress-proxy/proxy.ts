/**
 * An HTTP proxy that connects users' programs to the hosts that their plan allows: CONNECT for TLS and other TCP, and
 * absolute-form requests for plain HTTP. docs/decisions/egress.md
 */
import { lookup } from 'node:dns/promises';
import {
  createServer,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect, type LookupFunction, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Plans } from '../infrastructure/config/plans';
import { isPublic } from '../infrastructure/config/publicAddresses';
import { verifyEgressCredentials, type EgressIdentity } from '../infrastructure/egressCredentials';
import { Counts } from '../infrastructure/counts';
import type { Logger } from '../infrastructure/logging';
import { allows, describeHosts, targetOf, type Target } from './allowList';
import { Usage, type UserLimits } from './userLimits';

/** In milliseconds, and numbers of connections. */
export interface ProxyLimits extends UserLimits {
  /** For resolving and connecting. */
  connectMs: number;
  /** Without a byte in either direction. */
  idleMs: number;
  /** For a connection or request in all. */
  totalMs: number;
  /** Connections to the proxy: of all clients together, and from one address. */
  connections: number;
  connectionsPerAddress: number;
}

export const DEFAULT_PROXY_LIMITS: ProxyLimits = {
  ...{ open: 64, perMinute: 1_200, connections: 4_000, connectionsPerAddress: 128 },
  ...{ connectMs: 10_000, idleMs: 600_000, totalMs: 3_600_000 },
};

/** How long a client may take to send the header of a request. */
const HEADERS_TIMEOUT_MS = 10_000;
/** How long it may take to send a request with its body. */
const REQUEST_TIMEOUT_MS = 3_600_000;

export interface ProxyParts {
  /** EGRESS_PROXY_KEY. */
  key: string;
  plans: Plans;
  logger: Logger;
  limits?: ProxyLimits;
  /** The addresses of a host. */
  resolve?: (host: string) => Promise<string[]>;
  /** Whether it may connect to an address. */
  isAllowedAddress?: (address: string) => boolean;
}

/** An answer of the proxy itself. */
class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly isLogged = true,
  ) {
    super(message);
  }
}

/** One connection or request, while it lasts. */
interface Admitted {
  identity: EgressIdentity;
  target: Target;
  addresses: string[];
  /** Ends it, and logs it. @returns false if it had ended already */
  end: (outcome: string, bytes?: { sent: number; received: number }) => boolean;
}

/** Creates the proxy's server, which does not listen yet. `GET /healthz` is answered with 200. */
export function createEgressProxy(parts: ProxyParts): Server {
  const limits = parts.limits ?? DEFAULT_PROXY_LIMITS;
  const proxy = new EgressProxy(parts, limits);
  const server = createServer({ headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS });
  server.maxConnections = limits.connections;
  boundConnections(server, limits.connectionsPerAddress);
  server.on('request', (request, response) => void proxy.forward(request, response));
  server.on('connect', (request, socket, head) => void proxy.tunnel(request, socket, head));
  return server;
}

/** Otherwise a single pod could use up all connections without sending anything. */
function boundConnections(server: Server, perAddress: number): void {
  const open = new Counts();
  server.on('connection', (socket: Socket) => {
    const { remoteAddress: address = '' } = socket;
    if (open.of(address) >= perAddress) return void socket.destroy();
    open.add(address, 1);
    socket.on('close', () => open.add(address, -1));
  });
}

class EgressProxy {
  private readonly usage: Usage;

  constructor(
    private readonly parts: ProxyParts,
    private readonly limits: ProxyLimits,
  ) {
    this.usage = new Usage(limits);
  }

  /** CONNECT. */
  async tunnel(request: IncomingMessage, client: Duplex, head: Buffer): Promise<void> {
    // The client may go at any time; what is open for it ends with it.
    client.on('error', () => client.destroy());
    let admitted: Admitted;
    try {
      admitted = await this.admit(request, targetOf(request.url ?? ''), 'CONNECT');
    } catch (error) {
      return refuseTunnel(client, asRefusal(error));
    }
    const { target, end } = admitted;
    let isOpen = false;
    const upstream = connect(upstreamOf(admitted));
    const deadline = setTimeout(() => close(isOpen ? 'too_long' : 'timeout'), this.limits.connectMs);
    const bytes = () => ({ sent: upstream.bytesWritten, received: upstream.bytesRead });
    const close = (outcome: string) => {
      clearTimeout(deadline);
      if (!end(outcome, bytes())) return;
      if (!isOpen && !client.destroyed)
        refuseTunnel(client, new Refusal(outcome === 'timeout' ? 504 : 502, unreachable(target)));
      else if (outcome === 'closed') endAfterData(client, this.limits.idleMs);
      else client.destroy();
      upstream.destroy();
    };
    upstream.once('connect', () => {
      isOpen = true;
      clearTimeout(deadline);
      const total = setTimeout(() => close('too_long'), this.limits.totalMs);
      upstream.once('close', () => clearTimeout(total));
      upstream.setTimeout(this.limits.idleMs, () => close('idle'));
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      if (head.length > 0) upstream.write(head);
      client.pipe(upstream).pipe(client);
    });
    upstream.on('error', () => close(isOpen ? 'reset' : 'unreachable'));
    upstream.on('close', () => close('closed'));
    client.on('close', () => close(isOpen ? 'closed' : 'cancelled'));
    if (client.destroyed) close('cancelled');
  }

  /** A request of plain HTTP, or of the health check. */
  async forward(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.on('error', () => response.destroy());
    request.on('error', () => response.destroy());
    if (request.url === '/healthz') return void response.writeHead(200).end('ok\n');
    let admitted: Admitted;
    let url: URL;
    try {
      url = absolute(request.url);
      admitted = await this.admit(request, targetOf(url.host, 80), request.method ?? '');
    } catch (error) {
      return refuse(response, asRefusal(error));
    }
    const { target, end } = admitted;
    let hasBegun = false;
    let upstream: ClientRequest;
    try {
      upstream = httpRequest({
        ...{ method: request.method, path: `${url.pathname}${url.search}`, agent: false },
        headers: { ...endToEnd(request), host: url.host, connection: 'close' },
        ...upstreamOf(admitted),
      });
    } catch {
      end('invalid');
      return refuse(
        response,
        new Refusal(400, 'The egress proxy cannot forward this request: a header is invalid.'),
      );
    }
    const close = (outcome: string) => {
      clearTimeout(deadline);
      clearTimeout(total);
      const { bytesWritten: sent = 0, bytesRead: received = 0 } = upstream.socket ?? {};
      if (!end(outcome, { sent, received })) return;
      if (outcome !== 'closed' && !response.headersSent)
        refuse(response, new Refusal(outcome === 'timeout' ? 504 : 502, unreachable(target)));
      else if (!response.writableFinished) response.destroy();
      upstream.destroy();
    };
    const deadline = setTimeout(() => close('timeout'), this.limits.connectMs);
    const total = setTimeout(() => close('too_long'), this.limits.totalMs);
    upstream.once('socket', (socket: Socket) => {
      socket.once('connect', () => clearTimeout(deadline));
      socket.setTimeout(this.limits.idleMs, () => close('idle'));
    });
    upstream.on('response', (answer) => {
      hasBegun = true;
      answer.on('error', () => close('reset'));
      try {
        response.writeHead(answer.statusCode ?? 502, { ...endToEnd(answer), connection: 'close' });
      } catch {
        // Its status or a header is none.
        return close('reset');
      }
      answer.pipe(response);
    });
    upstream.on('upgrade', (_, socket) => {
      socket.destroy();
      close('reset');
    });
    upstream.on('error', () => close(hasBegun ? 'reset' : 'unreachable'));
    response.on('close', () => close(response.writableFinished ? 'closed' : 'cancelled'));
    request.pipe(upstream);
    if (response.destroyed) close('cancelled');
  }

  /** Checks whose request it is, and whether it may connect. @throws Refusal, after logging it */
  private async admit(request: IncomingMessage, target: Target | null, method: string): Promise<Admitted> {
    const began = Date.now();
    const identity = this.identityOf(request.headers['proxy-authorization']);
    const about = { user: identity?.userId ?? null, plan: identity?.plan, method, ...target };
    // Addresses and ids of users are never the same.
    const begun = this.usage.begin(identity?.userId ?? request.socket.remoteAddress ?? '');
    const log = (outcome: string, more: object = {}) =>
      this.parts.logger.info({ ...about, outcome, ms: Date.now() - began, ...more }, 'egress');
    try {
      if ('refused' in begun)
        throw new Refusal(
          429,
          `Too many connections through the egress proxy: ${begun.refused}.`,
          begun.isFirst,
        );
      if (identity === null)
        throw new Refusal(
          407,
          'The user name or password for the egress proxy is missing or wrong: use the URL in HTTPS_PROXY.',
        );
      if (target === null)
        throw new Refusal(
          400,
          'The egress proxy connects to host names, as HOST:PORT, and not to addresses.',
        );
      this.checkPlan(identity, target);
      const addresses = await this.resolve(target);
      let isOver = false;
      const end: Admitted['end'] = (outcome, bytes) => {
        if (isOver) return false;
        isOver = true;
        begun.end();
        log(outcome, bytes);
        return true;
      };
      return { identity, target, addresses, end };
    } catch (error) {
      if ('end' in begun) begun.end();
      const refusal = asRefusal(error);
      if (refusal.isLogged) log('refused', { status: refusal.status, reason: refusal.message });
      throw refusal;
    }
  }

  private identityOf(header = ''): EgressIdentity | null {
    const [scheme = '', encoded = ''] = header.split(' ');
    if (scheme.toLowerCase() !== 'basic') return null;
    const [username = '', password = ''] = Buffer.from(encoded, 'base64').toString().split(':');
    return verifyEgressCredentials(this.parts.key, username, password);
  }

  private checkPlan({ userId, plan }: EgressIdentity, target: Target): void {
    const hosts = this.parts.plans[plan]?.egress?.hosts ?? [];
    if (allows(hosts, target)) return;
    throw new Refusal(
      403,
      `The plan ${plan} of ${userId} does not allow connections to ${target.host}:${target.port}. ` +
        `It allows: ${describeHosts(hosts)}.`,
    );
  }

  /** The name is resolved once, here, and the connection is made to what was checked. */
  private async resolve({ host }: Target): Promise<string[]> {
    const { resolve = addressesOf, isAllowedAddress = isPublic } = this.parts;
    const late = new Promise<never>((_, reject) => {
      setTimeout(() => reject(new Error('late')), this.limits.connectMs).unref();
    });
    const addresses = await Promise.race([resolve(host), late]).catch(() => {
      throw new Refusal(502, `The egress proxy cannot resolve the host ${host}. Check its name.`);
    });
    const allowed = addresses.filter(isAllowedAddress);
    if (allowed.length > 0) return allowed;
    throw new Refusal(
      403,
      `The host ${host} has no public address, and the egress proxy connects to no other. An operator can allow its ` +
        'address with "ranges" of the plan.',
    );
  }
}

async function addressesOf(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}

/** Where to connect to: to the addresses that were checked. */
function upstreamOf({ target: { host, port }, addresses }: Admitted) {
  return { host, port, lookup: knownAddresses(addresses) };
}

function knownAddresses(addresses: string[]): LookupFunction {
  const all = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
  return (_host, options, callback) => {
    const [first] = all;
    if (options.all) callback(null, all);
    else callback(null, first?.address ?? '', first?.family);
  };
}

/** The client may be slower than the host: it gets what is still buffered for it. */
function endAfterData(client: Duplex, deadlineMs: number): void {
  if (client.destroyed || client.writableFinished) return void client.destroy();
  const deadline = setTimeout(() => client.destroy(), deadlineMs);
  client.once('close', () => clearTimeout(deadline));
  client.end(() => client.destroy());
}

function absolute(url = ''): URL {
  if (!/^http:\/\/[^/@?#]+(?:[/?#]|$)/i.test(url) || !URL.canParse(url))
    throw new Refusal(
      400,
      'This is an egress proxy. It takes CONNECT HOST:PORT, and requests for http://HOST/PATH.',
    );
  return new URL(url);
}

/** Headers about one connection, and not about the message: RFC 9110, 7.6.1. */
const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te'],
  ...['trailer', 'upgrade', 'host'],
];

function endToEnd({ headers, headersDistinct }: IncomingMessage): OutgoingHttpHeaders {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  const dropped = new Set([...HOP_BY_HOP, ...named.filter((name) => name !== 'transfer-encoding')]);
  return Object.fromEntries(Object.entries(headersDistinct).filter(([name]) => !dropped.has(name)));
}

function unreachable({ host, port }: Target): string {
  return `The egress proxy cannot connect to ${host}:${port}. The plan allows it, but there is no valid answer.`;
}

function asRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  return new Refusal(500, `The egress proxy failed: ${(error as Error).message}`);
}

function headersOf({ status }: Refusal, text: string): Record<string, string> {
  return {
    'Content-Type': 'text/plain; charset=utf-8',
    'Content-Length': String(Buffer.byteLength(text)),
    Connection: 'close',
    ...(status === 407 && { 'Proxy-Authenticate': 'Basic realm="egress proxy"' }),
  };
}

function refuse(response: ServerResponse, refusal: Refusal): void {
  const text = `${refusal.message}\n`;
  response.writeHead(refusal.status, headersOf(refusal, text)).end(text);
}

/** The reason is in the status line as well: clients show that of a refused CONNECT, and not its body. */
function refuseTunnel(client: Duplex, refusal: Refusal): void {
  const text = `${refusal.message}\n`;
  const headers = Object.entries(headersOf(refusal, text)).map(([name, value]) => `${name}: ${value}`);
  client.end([`HTTP/1.1 ${refusal.status} ${refusal.message}`, ...headers, '', text].join('\r\n'));
}

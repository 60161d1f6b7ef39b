import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';

/**
 * What concerns one connection and not the message. `transfer-encoding` is not among them: it says how long the
 * body is, and the proxy needs it.
 */
const HOP_BY_HOP = ['keep-alive', 'proxy-connection', 'proxy-authenticate', 'proxy-authorization', 'te'];

/**
 * Programs are not trusted, and their pages would share an origin with the gateway's own: a sandbox gives each
 * page one that nobody else has, so that it can neither read what the gateway's page keeps nor use its cookies.
 */
const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads';

/**
 * Makes a client's request one that a program may see: nothing that opens the gateway, and where it came from.
 * @param mayBeKey whether a text opens the gateway, or nobody knows
 */
export function prepareRequest(
  request: IncomingMessage,
  prefix: string,
  mayBeKey: (text: string | undefined) => boolean,
): void {
  const { headers, socket } = request;
  const upgrade = headers.upgrade !== undefined;
  dropHopByHop(headers);
  if (upgrade) headers.connection = 'Upgrade';
  else delete headers.upgrade;
  delete headers['x-api-key'];
  delete headers.cookie;
  if (mayBeKey(headers.authorization?.split(' ').at(-1))) delete headers.authorization;

  const before = headers['x-forwarded-for'];
  const from = socket.remoteAddress ?? 'unknown';
  headers['x-forwarded-for'] = before ? `${String(before)}, ${from}` : from;
  headers['x-forwarded-proto'] ??= 'http';
  headers['x-forwarded-host'] ??= headers.host ?? '';
  headers['x-forwarded-prefix'] = prefix;
}

/** Makes a program's answer one that a browser may see under the gateway's address. */
export function prepareAnswer(headers: IncomingHttpHeaders, prefix: string): void {
  dropHopByHop(headers);
  delete headers['set-cookie'];
  // Of a name of the gateway's own: a program has no say in them.
  delete headers['strict-transport-security'];
  delete headers['service-worker-allowed'];
  headers['content-security-policy'] = [headers['content-security-policy'], SANDBOX]
    .filter(Boolean)
    .join(', ');
  if (headers.location?.startsWith('/') && !headers.location.startsWith('//'))
    headers.location = `${prefix}${headers.location}`;
}

function dropHopByHop(headers: IncomingHttpHeaders): void {
  const named = (headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase());
  for (const name of [...HOP_BY_HOP, ...named, 'connection'])
    if (name !== 'transfer-encoding' && name !== 'upgrade') delete headers[name];
}

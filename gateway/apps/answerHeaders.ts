import type { IncomingHttpHeaders } from 'node:http';
import { dropHopByHop } from './hopByHop';

/**
 * Headers of an answer that concern everything under the gateway's address, in the browser or in a proxy before the
 * gateway: a program has no say in them. One that ends in a hyphen stands for all that begin so.
 */
const OF_THE_ORIGIN = [
  'accept-ch',
  'activate-storage-access',
  'alt-svc',
  'attribution-reporting-',
  'clear-site-data',
  'critical-ch',
  'expect-ct',
  'nel',
  'observe-browsing-topics',
  'origin-agent-cluster',
  'origin-trial',
  'public-key-pins',
  'public-key-pins-report-only',
  'report-to',
  'reporting-endpoints',
  'sec-session-',
  'secure-session-',
  'service-worker-allowed',
  'set-cookie',
  'set-cookie2',
  'set-login',
  'shared-storage-write',
  'strict-transport-security',
  'use-as-dictionary',
  // Orders to nginx, lighttpd and others, which may stand before the gateway: to send files, or other addresses.
  'x-accel-',
  'x-lighttpd-',
  'x-reproxy-',
  'x-sendfile',
  'x-sendfile2',
];
const NAMES = new Set(OF_THE_ORIGIN);
const BEGINNINGS = OF_THE_ORIGIN.filter((name) => name.endsWith('-'));

/** Headers that hold an address to follow. */
const ADDRESSES = ['location', 'content-location'] as const;

/**
 * Programs are not trusted, and their pages would share an origin with the gateway's own: a sandbox gives each
 * page a unique origin, so that it can neither read the storage of the gateway's page nor use its cookies.
 */
const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads';

export interface Place {
  /** What the gateway puts before the paths of the program, without a slash at its end. */
  prefix: string;
  /** The names of the host that the request gave to the program. */
  hosts: string[];
}

/** Makes a program's answer one that a browser may see under the gateway's address, in place. */
export function prepareAnswer(headers: IncomingHttpHeaders, place: Place): void {
  dropHopByHop(headers);
  for (const name of Object.keys(headers))
    if (NAMES.has(name) || BEGINNINGS.some((beginning) => name.startsWith(beginning))) delete headers[name];
  headers['content-security-policy'] = [headers['content-security-policy'], SANDBOX]
    .filter(Boolean)
    .join(', ');
  for (const name of ADDRESSES) {
    const address = headers[name];
    if (address !== undefined) headers[name] = leadingBack(address, place);
  }
}

/** An address as the client must ask for it: what is at the root of the program is below the prefix. */
function leadingBack(address: string, { prefix, hosts }: Place): string {
  const path = pathAtOwnHost(address, hosts);
  if (path === null) return address;
  const [segments = ''] = path.split(/[?#]/, 1);
  // A program that goes by X-Forwarded-Prefix has put it there.
  return `${segments}/`.startsWith(`${prefix}/`) ? path : `${prefix}${path}`;
}

/** The path of an address that leads to the host of the request; null of one that leads elsewhere, or is relative. */
function pathAtOwnHost(address: string, hosts: string[]): string | null {
  if (address.startsWith('/') && !address.startsWith('//')) return address;
  if (!/^(?:https?:)?\/\//i.test(address)) return null;
  const url = urlOf(address);
  // The protocol is that of a proxy before the gateway, of which a program need not know.
  if (!url || !hosts.some((host) => urlOf(`${url.protocol}//${host}`)?.host === url.host)) return null;
  return `${url.pathname}${url.search}${url.hash}`;
}

function urlOf(address: string): URL | null {
  return URL.canParse(address, 'http://localhost') ? new URL(address, 'http://localhost') : null;
}

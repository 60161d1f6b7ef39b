import type { IncomingHttpHeaders } from 'node:http';
import { dropHopByHop } from './hopByHop';

/**
 * Response headers that affect the gateway's whole origin, in the browser or in a proxy in front of the
 * gateway. A program must not set them. A name that ends in a hyphen is a prefix.
 */
const ORIGIN_WIDE_HEADERS = [
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
  // Instructions to nginx, lighttpd and other proxies in front of the gateway, to send files or other URLs.
  'x-accel-',
  'x-lighttpd-',
  'x-reproxy-',
  'x-sendfile',
  'x-sendfile2',
];
const NAMES = new Set(ORIGIN_WIDE_HEADERS);
const BEGINNINGS = ORIGIN_WIDE_HEADERS.filter((name) => name.endsWith('-'));

/** Headers that contain a URL. */
const ADDRESSES = ['location', 'content-location'] as const;

/**
 * Programs are not trusted, and their pages would share the gateway's origin. A sandbox gives each page a
 * unique origin, so that it can neither read the storage of the gateway's page nor use its cookies.
 */
const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads';

export interface Place {
  /** What the gateway prepends to the program's paths, without a trailing slash. */
  prefix: string;
  /** The host names that the request gave to the program. */
  hosts: string[];
}

/** Makes the headers of a program's response safe for a browser under the gateway's origin, in place. */
export function prepareAnswer(headers: IncomingHttpHeaders, place: Place): void {
  dropHopByHop(headers);
  for (const name of Object.keys(headers))
    if (NAMES.has(name) || BEGINNINGS.some((beginning) => name.startsWith(beginning))) delete headers[name];
  headers['content-security-policy'] = [headers['content-security-policy'], SANDBOX]
    .filter(Boolean)
    .join(', ');
  for (const name of ADDRESSES) {
    const address = headers[name];
    if (address !== undefined) headers[name] = rewriteLocation(address, place);
  }
}

/** Rewrites a URL for the client: the root of the program is below the prefix. */
function rewriteLocation(address: string, { prefix, hosts }: Place): string {
  const path = pathAtOwnHost(address, hosts);
  if (path === null) return address;
  const [segments = ''] = path.split(/[?#]/, 1);
  // A program that respects X-Forwarded-Prefix has already added it.
  return `${segments}/`.startsWith(`${prefix}/`) ? path : `${prefix}${path}`;
}

/** The path of a URL on the request's host; null if the URL is on another host or is relative. */
function pathAtOwnHost(address: string, hosts: string[]): string | null {
  if (address.startsWith('/') && !address.startsWith('//')) return address;
  if (!/^(?:https?:)?\/\//i.test(address)) return null;
  const url = urlOf(address);
  // Any protocol matches: a proxy in front of the gateway may use one that the program does not know of.
  if (!url || !hosts.some((host) => urlOf(`${url.protocol}//${host}`)?.host === url.host)) return null;
  return `${url.pathname}${url.search}${url.hash}`;
}

function urlOf(address: string): URL | null {
  return URL.canParse(address, 'http://localhost') ? new URL(address, 'http://localhost') : null;
}

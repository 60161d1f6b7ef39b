import type { IncomingHttpHeaders } from 'node:http';
import { dropHopByHop } from './hopByHop';

/**
 * Response headers for what is in front of the gateway, which a program must not set, at its own origin either: TLS and
 * its alternatives, and instructions to nginx, lighttpd and other proxies to send files or other URLs. A name that ends
 * in a hyphen is a prefix.
 */
const PROXY_HEADERS = [
  'alt-svc',
  'expect-ct',
  'public-key-pins',
  'public-key-pins-report-only',
  'set-cookie2',
  'strict-transport-security',
  'x-accel-',
  'x-lighttpd-',
  'x-reproxy-',
  'x-sendfile',
  'x-sendfile2',
];

/** Response headers that affect a whole origin in the browser: below a prefix, this is the gateway's. */
const ORIGIN_WIDE_HEADERS = [
  'accept-ch',
  'activate-storage-access',
  'attribution-reporting-',
  'clear-site-data',
  'critical-ch',
  'nel',
  'observe-browsing-topics',
  'origin-agent-cluster',
  'origin-trial',
  'report-to',
  'reporting-endpoints',
  'sec-session-',
  'secure-session-',
  'service-worker-allowed',
  'set-cookie',
  'set-login',
  'shared-storage-write',
  'use-as-dictionary',
];

const isAtOwnOrigin = matcherOf(PROXY_HEADERS);
const isBelowPrefix = matcherOf([...PROXY_HEADERS, ...ORIGIN_WIDE_HEADERS]);

function matcherOf(headers: string[]): (name: string) => boolean {
  const names = new Set(headers);
  const beginnings = headers.filter((name) => name.endsWith('-'));
  return (name) => names.has(name) || beginnings.some((beginning) => name.startsWith(beginning));
}

/** Headers that contain a URL. */
const ADDRESSES = ['location', 'content-location'] as const;

/**
 * Programs are not trusted, and below a prefix, their pages would share the gateway's origin. A sandbox gives each page a
 * unique origin, so that it can neither read the storage of the gateway's page nor use its cookies.
 */
const SANDBOX = 'sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads';

export interface Place {
  /** What the gateway prepends to the program's paths, without a trailing slash; empty at the program's own origin. */
  prefix: string;
  /** The hosts by which the program may name itself. */
  hosts: string[];
}

/** Makes the headers of a program's response safe for a browser, in place. */
export function prepareAnswer(headers: IncomingHttpHeaders, place: Place): void {
  dropHopByHop(headers);
  const isOwnOrigin = place.prefix === '';
  const isRemoved = isOwnOrigin ? isAtOwnOrigin : isBelowPrefix;
  for (const name of Object.keys(headers)) if (isRemoved(name)) delete headers[name];
  if (isOwnOrigin) keepToOwnHost(headers);
  else
    headers['content-security-policy'] = [headers['content-security-policy'], SANDBOX]
      .filter(Boolean)
      .join(', ');
  for (const name of ADDRESSES) {
    const address = headers[name];
    if (address !== undefined) headers[name] = rewriteLocation(address, place);
  }
}

/** Limits what reaches beyond a host, to its parent domains and so to other programs, to the program's own host. */
function keepToOwnHost(headers: IncomingHttpHeaders): void {
  if (headers['set-cookie']) headers['set-cookie'] = headers['set-cookie'].map(withoutDomain);
  const clearing = headers['clear-site-data'];
  if (clearing === undefined) return;
  const kept = [clearing].flat().join(',').split(',').flatMap(clearedAtOwnHost);
  if (kept.length > 0) headers['clear-site-data'] = kept.join(', ');
  else delete headers['clear-site-data'];
}

/** Without its Domain, a browser stores a cookie for the host that set it, and for no other. */
function withoutDomain(cookie: string): string {
  const [pair = '', ...attributes] = cookie.split(';');
  const isDomain = (attribute: string) => attribute.split('=', 1)[0]?.trim().toLowerCase() === 'domain';
  return [pair, ...attributes.filter((attribute) => !isDomain(attribute))].join(';');
}

/** Browsers clear cookies of the whole registrable domain, and everything else of the origin. */
function clearedAtOwnHost(type: string): string[] {
  const name = type.trim();
  if (name === '"*"') return ['"cache"', '"storage"', '"executionContexts"'];
  return name === '"cookies"' || name === '' ? [] : [name];
}

/** Rewrites a URL for the client: the root of the program is below the prefix. */
function rewriteLocation(address: string, { prefix, hosts }: Place): string {
  const path = pathAtOwnHost(address, hosts);
  if (path === null) return address;
  // Without a host in front of them, two slashes would begin a host.
  if (prefix === '' && path.startsWith('//')) return address;
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

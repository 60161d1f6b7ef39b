import type { EgressHost } from '../infrastructure/config/egress';

/** A host and port to connect to. */
export interface Target {
  /** In lowercase, without a dot at its end. */
  host: string;
  port: number;
}

const NAME = /^[a-z0-9_](?:[a-z0-9_-]{0,62})$/;
const MAX_NAME = 253;

/**
 * The target of a request.
 * @param authority `HOST:PORT`, or `HOST` if there is a default port
 * @returns null if it is not a host name with a port: addresses have no name to be allowed by
 */
export function targetOf(authority: string, defaultPort?: number): Target | null {
  const [name = '', port, ...rest] = authority.split(':');
  const number = port === undefined ? defaultPort : /^\d{1,5}$/.test(port) ? Number(port) : undefined;
  const host = name.toLowerCase().replace(/\.$/, '');
  if (rest.length > 0 || number === undefined || number < 1 || number > 65_535) return null;
  const isName =
    host.length <= MAX_NAME &&
    host.split('.').every((label) => NAME.test(label)) &&
    !/(?:^|\.)\d+$/.test(host);
  return isName ? { host, port: number } : null;
}

/** Whether the list contains the host at this port. `*.example.com` is every host below it, and not itself. */
export function allows(hosts: readonly EgressHost[], { host, port }: Target): boolean {
  return hosts.some(({ host: pattern, ports }) => ports.includes(port) && matches(pattern, host));
}

function matches(pattern: string, host: string): boolean {
  return pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern;
}

/** The list in words: `api.example.com (443, 80), *.example.org (443)`. */
export function describeHosts(hosts: readonly EgressHost[]): string {
  return hosts.map(({ host, ports }) => `${host} (${ports.join(', ')})`).join(', ') || 'none';
}

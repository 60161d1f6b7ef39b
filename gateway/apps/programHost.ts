import type { IncomingMessage } from 'node:http';
import { originOf, type AppsDomain } from '../../infrastructure/config/appsDomain';
import { userId as userIdRule } from '../protocol/identifiers';
import type { Refusal } from './refusal';

/** The program that a request is for. */
export interface Requested {
  userId: string;
  /** Path and query for the program. */
  path: string;
  /** What stands before the path at the gateway; empty at the program's own origin. */
  prefix: string;
}

const HOST = /^([\w.-]*|\[[\da-f:.]+\])(?::\d*)?$/i;
const ABSOLUTE = /^https?:\/\/([^/?#]*)/i;
const rule = userIdRule();

/**
 * Finds the program that the host of a request names. Only the header Host decides, as in the browser's idea of an
 * origin: a proxy in front of the gateway must pass it on.
 * @returns null for every host that is not in the domain: the request is for the gateway itself
 */
export function programByHost(request: IncomingMessage, domain: AppsDomain): Requested | Refusal | null {
  const { host = '' } = request.headers;
  const { url = '' } = request;
  if (linesOfHost(request) > 1) return badRequest('The request has more than one header Host.');
  const name = nameIn(host);
  if (name === null) return badRequest('The header Host is not a host name with an optional port.');
  const [start = '', authority] = ABSOLUTE.exec(url) ?? [];
  // Servers and proxies differ in which of two hosts decides.
  if (authority !== undefined && authority.toLowerCase() !== host.toLowerCase())
    return badRequest('The header Host differs from the host of the requested URL.');
  if (name !== domain.name && !name.endsWith(`.${domain.name}`)) return null;
  const userId = name.slice(0, -(domain.name.length + 1));
  if (!rule.safeParse(userId).success)
    return notFound(`No program has this host. Programs are at ${originOf('USER', domain)}/.`);
  const path = url.slice(start.length);
  if (authority !== undefined) return { userId, prefix: '', path: path.startsWith('/') ? path : `/${path}` };
  if (!path.startsWith('/')) return badRequest('The target of the request is not a path.');
  return { userId, prefix: '', path };
}

/** The name in a Host header, in lower case and without port and final dot; null if the header is invalid. */
function nameIn(host: string): string | null {
  const [, written] = HOST.exec(host) ?? [];
  if (written === undefined) return null;
  const name = (written.endsWith('.') ? written.slice(0, -1) : written).toLowerCase();
  return name.split('.').includes('') && name !== '' ? null : name;
}

/** Of several lines, Node keeps only the first. */
function linesOfHost({ rawHeaders }: IncomingMessage): number {
  return rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === 'host').length;
}

function badRequest(message: string): Refusal {
  return { status: 400, error: 'invalid_request', message };
}

function notFound(message: string): Refusal {
  return { status: 404, error: 'not_found', message };
}

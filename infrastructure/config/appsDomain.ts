import { z } from 'zod';

/** The domain below which each program has its own origin: `http://USER.apps.localhost:8000`. */
export interface AppsDomain {
  protocol: 'http' | 'https';
  /** In lower case, without a port. */
  name: string;
  /** As in URLs: empty for the protocol's own port, otherwise a colon and the number. */
  port: string;
}

const FORM = /^(?:(https?):\/\/)?([a-z0-9.-]+)(?::(\d{1,5}))?$/;
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const OWN_PORTS = { http: 80, https: 443 };
/** DNS allows 253 characters; the longest user id and its dot take 41. */
const LONGEST_NAME = 212;

/** A setting such as `apps.example.net` or `apps.localhost:8000`. */
export function appsDomain() {
  return z.string().transform((text, context): AppsDomain => {
    const domain = parseAppsDomain(text);
    if (domain) return domain;
    context.addIssue({
      code: 'custom',
      message:
        'must be a domain of at least two labels, such as apps.example.net or apps.localhost:8000; ' +
        'http:// in front of it means that programs are served without TLS',
    });
    return z.NEVER;
  });
}

/** Without a protocol, a domain of this machine (`.localhost`) has HTTP, and any other HTTPS. */
export function parseAppsDomain(text: string): AppsDomain | null {
  const [, written, name = '', digits] = FORM.exec(text.toLowerCase()) ?? [];
  const labels = name.split('.');
  // A single label would be the host of the page itself, such as localhost. A number ends an IP address.
  const isDomain =
    labels.length > 1 && labels.every((each) => LABEL.test(each)) && !/^\d+$/.test(labels.at(-1)!);
  if (!isDomain || name.length > LONGEST_NAME || Number(digits ?? 1) < 1 || Number(digits ?? 1) > 65_535)
    return null;
  const protocol =
    (written as AppsDomain['protocol'] | undefined) ?? (labels.at(-1) === 'localhost' ? 'http' : 'https');
  const isOwnPort = digits === undefined || Number(digits) === OWN_PORTS[protocol];
  return { protocol, name, port: isOwnPort ? '' : `:${Number(digits)}` };
}

/** The origin of a user's program, such as `https://ada.apps.example.net`. */
export function originOf(userId: string, { protocol, name, port }: AppsDomain): string {
  return `${protocol}://${userId}.${name}${port}`;
}

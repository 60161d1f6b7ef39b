import { isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

/** What a user's test pod, program and migrations may connect to beyond their database and the package index. */
export interface Egress {
  /** Every public address, and DNS. */
  internet: boolean;
  /** Ranges of addresses. */
  ranges: EgressRange[];
  /** Hosts by name, through the egress proxy. */
  hosts: EgressHost[];
}

export interface EgressRange {
  /** IPv4 or IPv6, such as `203.0.113.0/24`. */
  cidr: string;
  /** TCP ports; any port of any protocol when not given. */
  ports?: number[] | undefined;
}

export interface EgressHost {
  /** A host name, or `*.` and a domain for all names below it. */
  host: string;
  ports: number[];
}

/** What users without a plan have, and those whose plan does not say otherwise. */
export const NO_EGRESS: Egress = { internet: false, ranges: [], hosts: [] };

/** A NetworkPolicy is one object, and each entry adds a rule to it. */
const MAX_ENTRIES = 50;
const MAX_PORTS = 20;

/** HTTPS and HTTP. */
const DEFAULT_HOST_PORTS = [443, 80];

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
const MAX_NAME = 253;

const PORT_ERROR = 'must be a port from 1 to 65535, such as 443';
const ports = z
  .array(
    z.int(PORT_ERROR).min(1, PORT_ERROR).max(65_535, PORT_ERROR),
    'must be a list of ports such as [443]',
  )
  .min(1, 'must have at least 1 port such as 443; leave it out for the default')
  .max(MAX_PORTS, `must have at most ${MAX_PORTS} ports; leave it out for the default`);

const RANGE_EXAMPLE = '"203.0.113.0/24" or {"cidr": "203.0.113.0/24", "ports": [443]}';
const range = z.preprocess(
  (value) => (typeof value === 'string' ? { cidr: value } : value),
  z.strictObject(
    {
      cidr: z
        .string('must be a range of addresses such as 203.0.113.0/24')
        .refine(
          isRange,
          'must be a range of addresses such as 203.0.113.0/24, 203.0.113.7/32 or 2001:db8::/32',
        )
        .refine(
          (text) => !text.endsWith('/0'),
          'must not contain every address: for all public ones, use "internet": true',
        ),
      ports: ports.optional(),
    },
    objectError(`must be ${RANGE_EXAMPLE}`),
  ),
);

const HOST_EXAMPLE = '"api.example.com" or {"host": "*.example.com", "ports": [443]}';
const host = z.preprocess(
  (value) => (typeof value === 'string' ? { host: value } : value),
  z.strictObject(
    {
      host: z
        .string('must be a host name such as api.example.com')
        .refine(isHostPattern, 'must be a host name in lowercase, such as api.example.com or *.example.com'),
      ports: ports.default(DEFAULT_HOST_PORTS),
    },
    objectError(`must be ${HOST_EXAMPLE}`),
  ),
);

/** `egress` of a plan. */
export const egress = z
  .strictObject(
    {
      internet: z.boolean('must be true or false').default(false),
      ranges: z
        .array(range, `must be a list such as [${RANGE_EXAMPLE}]`)
        .max(MAX_ENTRIES, `must have at most ${MAX_ENTRIES} ranges; combine them, such as to 203.0.113.0/24`)
        .default([]),
      hosts: z
        .array(host, `must be a list such as [${HOST_EXAMPLE}]`)
        .max(MAX_ENTRIES, `must have at most ${MAX_ENTRIES} hosts; combine them, such as to *.example.com`)
        .default([]),
    },
    objectError(
      'must be an object such as {"ranges": ["203.0.113.0/24"]}, {"internet": true} or {"hosts": ["api.example.com"]}',
    ),
  )
  .refine(({ internet, hosts }) => !internet || hosts.length === 0, {
    path: ['hosts'],
    message: 'must be left out with "internet": true, which already allows every public host',
  });

/** A DNS server of the cluster that is not a pod of kube-system. */
export interface DnsRange {
  cidr: string;
  port: number;
}

const DNS_PORT = 53;

/** A list of `CIDR[:PORT]`, separated by commas: `169.254.20.10/32, 10.0.0.1/32:10053`. */
export const dnsRanges = z.string().transform((text, context): DnsRange[] =>
  text.split(',').map((entry) => {
    const [, network = '', prefix = '', port] =
      /^([^/]+)\/(\d{1,3})(?::(\d{1,5}))?$/.exec(entry.trim()) ?? [];
    const number = port === undefined ? DNS_PORT : Number(port);
    const cidr = `${network}/${prefix}`;
    if (!isRange(cidr) || number < 1 || number > 65_535)
      context.addIssue({
        code: 'custom',
        message: `has ${JSON.stringify(entry.trim())}: each entry must be a range with an optional port, such as 169.254.20.10/32 or 10.0.0.1/32:5353`,
      });
    return { cidr, port: number };
  }),
);

function isRange(text: string): boolean {
  const [network = '', prefix = '', ...rest] = text.split('/');
  if (rest.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(prefix)) return false;
  if (isIPv4(network)) return Number(prefix) <= 32;
  // Not the forms that contain an IPv4 address, or a zone.
  return isIPv6(network) && !/[.%]/.test(network) && Number(prefix) <= 128;
}

function isHostPattern(text: string): boolean {
  const labels = text.replace(/^\*\./, '').split('.');
  // The last label of a name is not a number: those are IPv4 addresses.
  return (
    text.length <= MAX_NAME &&
    labels.length > 1 &&
    labels.every((label) => LABEL.test(label)) &&
    !/\.\d+$/.test(text)
  );
}

/** For an unknown key, Zod's own message, which names it. */
function objectError(message: string) {
  return { error: ({ code }: { code?: string }) => (code === 'unrecognized_keys' ? undefined : message) };
}

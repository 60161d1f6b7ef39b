import type { Live } from '../../protocol/live';

type Egress = NonNullable<Live['egress']>;

/** How many ranges or hosts the sentence names. */
const NAMED = 5;

/** What programs may connect to, in a sentence: `Network: own database, ranges 203.0.113.0/24 (443)`. */
export function describeNetwork({ internet, ranges, hosts }: Egress): string {
  const parts = [
    ...(internet ? ['internet'] : []),
    ...(ranges.length > 0
      ? [`ranges ${listed(ranges.map(({ cidr, ports }) => withPorts(cidr, ports)))}`]
      : []),
    ...(hosts.length > 0 ? [`hosts ${listed(hosts.map(({ host, ports }) => withPorts(host, ports)))}`] : []),
  ];
  return `Network: own database${parts.length === 0 ? ' only' : `, ${parts.join(', ')}`}.`;
}

function withPorts(target: string, ports: number[] | null): string {
  return ports === null ? target : `${target} (${ports.join(', ')})`;
}

function listed(targets: string[]): string {
  const more = targets.length - NAMED;
  return targets.slice(0, NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

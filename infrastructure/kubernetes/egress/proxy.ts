import { egressCredentials } from '../../egressCredentials';
import type { AssignedPlan, Plans } from '../../config/plans';
import type { Kube } from '../api/client';
import { planOf } from '../environment/userPlans';
import { resolveHost, type Resolve } from '../resolveHost';
import { namesOf } from '../production/names';
import type { PackageIndex } from '../packageIndex';

/** The proxy through which pods reach the hosts that a plan names (egress-proxy/proxy.ts). */
export interface EgressProxy {
  /** `ADDRESS:PORT`: pods cannot resolve its name. */
  address: string;
  /** With which it verifies credentials. */
  key: string;
  /** The range of its addresses; if not given, it is the pods `egress-proxy` of orchestration-system. */
  cidr?: string | undefined;
}

const DEFAULT_PORT = '80';

/**
 * Resolves the host name of the egress proxy, if it has one.
 * @param url EGRESS_PROXY_URL
 * @param cidr EGRESS_PROXY_CIDR, which must contain every address of the host
 * @throws Error that names the setting that must be changed
 */
export async function resolveEgressProxy(
  { url, key, cidr }: { url: string; key: string; cidr?: string | undefined },
  resolve?: Resolve,
): Promise<EgressProxy> {
  const { hostname, port } = new URL(url);
  const settings = { url: 'EGRESS_PROXY_URL', cidr: 'EGRESS_PROXY_CIDR' };
  const [ip] = await resolveHost(hostname, cidr, settings, resolve);
  return { address: `${ip}:${port || DEFAULT_PORT}`, key, cidr };
}

/** The port that network policies open. */
export function portOf({ address }: EgressProxy): number {
  return Number(address.split(':')[1]);
}

/** Names of the variables, in the order in which pods have them. Some programs read only one of the two cases. */
const PROXY_NAMES = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'];
const EXCEPTION_NAMES = ['NO_PROXY', 'no_proxy'];
/** Node.js reads them from 22.21 and 24.5 on, with this one. */
const NODE_NAME = 'NODE_USE_ENV_PROXY';
export const PROXY_VARIABLES: readonly string[] = [...PROXY_NAMES, ...EXCEPTION_NAMES, NODE_NAME];

interface ProxySettings {
  egressProxy?: EgressProxy | undefined;
  packageIndex?: PackageIndex | undefined;
}

/** Environment variables with which a user's programs use the proxy; empty if the user's plan names no hosts. */
export function proxyVariables(
  userId: string,
  { name, egress }: AssignedPlan,
  { egressProxy, packageIndex }: ProxySettings,
): Record<string, string> {
  if (!egressProxy || name === undefined || !egress || egress.hosts.length === 0) return {};
  const { username, password } = egressCredentials(egressProxy.key, { userId, plan: name });
  const url = `http://${username}:${password}@${egressProxy.address}`;
  const { database, namespace } = namesOf(userId);
  const direct = [
    ...['localhost', '127.0.0.1', '::1', database, `${database}.${namespace}`],
    ...(packageIndex ? [new URL(packageIndex.url).hostname] : []),
  ].join(',');
  return {
    ...Object.fromEntries(PROXY_NAMES.map((each) => [each, url])),
    ...Object.fromEntries(EXCEPTION_NAMES.map((each) => [each, direct])),
    [NODE_NAME]: '1',
  };
}

/** The same for runs in test pods; undefined if no plan names hosts, so that no run has to read a user's plan. */
export function runVariables(
  kube: Kube,
  { plans = {}, ...settings }: ProxySettings & { plans?: Plans | undefined },
): ((userId: string) => Promise<Record<string, string>>) | undefined {
  const isUsed = Object.values(plans).some(({ egress }) => egress !== undefined && egress.hosts.length > 0);
  if (!isUsed) return undefined;
  return async (userId) => proxyVariables(userId, await planOf(kube, userId, plans), settings);
}

/** @throws Error that names the plan and the missing setting, for a plan with hosts and no proxy */
export function checkHosts(plans: Plans = {}, proxy: EgressProxy | undefined): void {
  const [name] = Object.entries(plans).find(([, { egress }]) => egress && egress.hosts.length > 0) ?? [];
  if (name !== undefined && proxy === undefined)
    throw new Error(
      `USER_PLANS ${name}.egress.hosts needs the egress proxy: set EGRESS_PROXY_URL, such as to ` +
        'http://egress-proxy.orchestration-system:3128, and EGRESS_PROXY_KEY.',
    );
}

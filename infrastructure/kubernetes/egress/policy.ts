import type {
  V1NetworkPolicy,
  V1NetworkPolicyEgressRule,
  V1NetworkPolicyPeer,
  V1NetworkPolicyPort,
} from '@kubernetes/client-node';
import { NO_EGRESS, type DnsRange, type Egress } from '../../config/egress';
import { GLOBAL_UNICAST_IPV6, NON_PUBLIC_IPV4, NON_PUBLIC_IPV6 } from '../../config/publicAddresses';
import { ownedBy } from '../environment/labels';
import { namespaceOf } from '../testPod/names';
import { portOf, type EgressProxy } from './proxy';

const DNS_PORT = 53;

/** Selects a user's pods that run the user's code: test pod, program and migrations, and not the database. */
export const CODE_PODS = {
  matchExpressions: [
    { key: 'app', operator: 'In', values: ['test', 'prod'] },
    { key: 'component', operator: 'NotIn', values: ['db'] },
  ],
};

/** DNS servers that are pods of the cluster. */
export const toDnsPods: V1NetworkPolicyEgressRule = {
  to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } } }],
  ports: dnsPorts(DNS_PORT),
};

/** What network policies need to know of the cluster to apply `egress` of plans. */
export interface EgressSettings {
  /** DNS servers that are not pods of kube-system, for plans with `internet`. */
  clusterDns?: DnsRange[] | undefined;
  /** The proxy for plans with `hosts`. */
  egressProxy?: EgressProxy | undefined;
}

/**
 * The policy `plan-egress`: what the user's plan allows in addition to the database and the package index. Without
 * anything, it is applied too, so that access ends when the plan no longer has it.
 */
export function planEgressPolicy(
  userId: string,
  egress: Egress = NO_EGRESS,
  settings: EgressSettings = {},
): V1NetworkPolicy {
  const rules = rulesOf(egress, settings);
  return {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name: 'plan-egress', namespace: namespaceOf(userId), labels: ownedBy(userId) },
    spec: {
      podSelector: CODE_PODS,
      policyTypes: ['Egress'],
      ...(rules.length > 0 && { egress: rules }),
    },
  };
}

function rulesOf(
  { internet, ranges, hosts }: Egress,
  { clusterDns = [], egressProxy }: EgressSettings,
): V1NetworkPolicyEgressRule[] {
  return [
    ...ranges.map(({ cidr, ports }) => ({
      to: [{ ipBlock: { cidr } }],
      ...(ports && { ports: ports.map((port) => ({ protocol: 'TCP', port })) }),
    })),
    ...(hosts.length > 0 && egressProxy ? [toProxy(egressProxy)] : []),
    ...(internet ? [{ to: INTERNET }, toDnsPods, ...clusterDns.map(toDns)] : []),
  ];
}

const INTERNET: V1NetworkPolicyPeer[] = [
  { ipBlock: { cidr: '0.0.0.0/0', except: [...NON_PUBLIC_IPV4] } },
  { ipBlock: { cidr: GLOBAL_UNICAST_IPV6, except: [...NON_PUBLIC_IPV6] } },
];

const PROXY_PODS: V1NetworkPolicyPeer = {
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'orchestration-system' } },
  podSelector: { matchLabels: { 'app.kubernetes.io/name': 'egress-proxy' } },
};

function toProxy(proxy: EgressProxy): V1NetworkPolicyEgressRule {
  const { cidr } = proxy;
  return {
    to: [cidr === undefined ? PROXY_PODS : { ipBlock: { cidr } }],
    ports: [{ protocol: 'TCP', port: portOf(proxy) }],
  };
}

function toDns({ cidr, port }: DnsRange): V1NetworkPolicyEgressRule {
  return { to: [{ ipBlock: { cidr } }], ports: dnsPorts(port) };
}

function dnsPorts(port: number): V1NetworkPolicyPort[] {
  return ['UDP', 'TCP'].map((protocol) => ({ protocol, port }));
}

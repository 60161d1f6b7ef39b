import type {
  V1LabelSelectorRequirement,
  V1NetworkPolicy,
  V1NetworkPolicyEgressRule,
} from '@kubernetes/client-node';
import type { Egress } from '../../config/egress';
import { CODE_PODS, planEgressPolicy, toDnsPods, type EgressSettings } from '../egress/policy';
import { DNS_LABEL } from '../pods/security';
import { labelsOf, namesOf, POSTGRES_PORT, PROGRAM_PORT } from '../production/names';
import type { PackageIndex } from '../packageIndex';
import { ownedBy, testPodLabels } from './labels';

/**
 * Denies all traffic except what production and tests need, and what the user's plan allows (egress/policy.ts). Without
 * a plan that allows it, no pod can reach a DNS server, which would forward whatever a program asks it to anyone on the
 * internet: pods get the addresses that they need as host aliases (production/program/hostAliases.ts). The test pod can reach the user's PostgreSQL, for test databases, and the
 * package index, if there is one, for the installer: a policy cannot distinguish the installer from the tested
 * code in the same pod.
 */
export function networkPolicies(
  userId: string,
  packageIndex: PackageIndex | undefined,
  egress: Egress | undefined,
  egressSettings: EgressSettings,
): V1NetworkPolicy[] {
  const program = { matchLabels: labelsOf(userId, 'program') };
  const { component: _, ...inProduction } = labelsOf(userId, 'program');
  const clientComponents: V1LabelSelectorRequirement = {
    key: 'component',
    operator: 'In',
    values: ['program', 'migration'],
  };
  const client = { matchLabels: inProduction, matchExpressions: [clientComponents] };
  const database = { matchLabels: labelsOf(userId, 'db') };
  const tests = { matchLabels: testPodLabels(userId) };
  const postgres = [{ protocol: 'TCP', port: POSTGRES_PORT }];
  const policy = (name: string, spec: V1NetworkPolicy['spec'] & object): V1NetworkPolicy => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: { name, namespace: namesOf(userId).namespace, labels: ownedBy(userId) },
    spec,
  });
  return [
    policy('deny-by-default', { podSelector: {}, policyTypes: ['Ingress', 'Egress'] }),
    policy('program-serves', {
      podSelector: program,
      policyTypes: ['Ingress'],
      ingress: [{ ports: [{ protocol: 'TCP', port: PROGRAM_PORT }] }],
    }),
    policy('program-asks', {
      podSelector: client,
      policyTypes: ['Egress'],
      egress: [{ to: [{ podSelector: database }], ports: postgres }],
    }),
    // Pods of versions up to 0.2 have no host aliases: until their program is deployed again, they need DNS.
    policy('program-resolves', {
      podSelector: {
        matchLabels: inProduction,
        matchExpressions: [clientComponents, { key: DNS_LABEL, operator: 'DoesNotExist' }],
      },
      policyTypes: ['Egress'],
      egress: [toDnsPods],
    }),
    policy('database-serves-program', {
      podSelector: database,
      policyTypes: ['Ingress'],
      ingress: [{ _from: [{ podSelector: client }, { podSelector: tests }], ports: postgres }],
    }),
    // For test databases: PostgreSQL lets their role into no other database (pg_hba.conf).
    policy('tests-ask-database', {
      podSelector: tests,
      policyTypes: ['Egress'],
      egress: [{ to: [{ podSelector: database }], ports: postgres }],
    }),
    // Always applied, so that access ends when the index is no longer configured.
    policy('package-index', {
      podSelector: CODE_PODS,
      policyTypes: ['Egress'],
      ...(packageIndex && { egress: [wayTo(packageIndex)] }),
    }),
    planEgressPolicy(userId, egress, egressSettings),
  ];
}

function wayTo({ url, cidr }: PackageIndex): V1NetworkPolicyEgressRule {
  const { port, protocol } = new URL(url);
  const number = Number(port || (protocol === 'https:' ? 443 : 80));
  return { to: [{ ipBlock: { cidr } }], ports: [{ protocol: 'TCP', port: number }] };
}

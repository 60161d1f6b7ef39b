import type {
  KubernetesObject,
  V1LimitRange,
  V1Namespace,
  V1ResourceQuota,
  V1RoleBinding,
} from '@kubernetes/client-node';
import { cpuQuantity, PROGRAM_RESOURCES, type ProgramResources } from '../production/program/resources';
import { namespaceOf } from '../testPod/names';
import type { Egress } from '../../config/egress';
import type { Plan } from '../../config/plans';
import { egressAnnotation } from '../egress/annotation';
import type { EgressSettings } from '../egress/policy';
import { ownedBy } from './labels';
import { networkPolicies } from './networkPolicies';
import type { UserSettings } from './settings';

/**
 * The quota of a user: a test pod, a program during a rollout (two pods), a database, and some room. Requests
 * are small because few users are busy at the same time; limits bound the damage that one can do. CPU and
 * memory are for a program of the default size: what a larger one needs is added.
 */
const QUOTA = {
  pods: '10',
  'requests.ephemeral-storage': '2Gi',
  'limits.ephemeral-storage': '4Gi',
  'requests.storage': '5Gi',
  persistentvolumeclaims: '2',
  services: '5',
  'services.nodeports': '0',
  'services.loadbalancers': '0',
  configmaps: '100',
  secrets: '20',
};
const COMPUTE = { cpuRequests: 2, cpuLimits: 8, memoryRequestsMiB: 2_048, memoryLimitsMiB: 4_096 };

/** Maximum for one container. */
const CONTAINER = { cpus: 4, memoryMiB: 2_560 };

/** Pods of a program during a rollout. */
const PROGRAM_PODS = 2;

/** A namespace that allows only what Pod Security `restricted` allows. Its annotation shows `egress` of the plan. */
export function userNamespace(userId: string, egress?: Egress): V1Namespace {
  return {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: namespaceOf(userId),
      labels: {
        ...ownedBy(userId),
        'pod-security.kubernetes.io/enforce': 'restricted',
        'pod-security.kubernetes.io/warn': 'restricted',
        'pod-security.kubernetes.io/audit': 'restricted',
      },
      annotations: egressAnnotation(egress),
    },
  };
}

/** Service accounts of infrastructure/rbac.yaml that have rights in users' namespaces. */
const ACCOUNTS = ['orchestration-worker', 'orchestration-gateway'];

/** Gives the worker and the gateway their rights in the namespace. The worker may bind exactly these roles. */
export function bindingsOf(userId: string): V1RoleBinding[] {
  const apiGroup = 'rbac.authorization.k8s.io';
  return ACCOUNTS.map((name) => ({
    apiVersion: `${apiGroup}/v1`,
    kind: 'RoleBinding',
    metadata: metadataOf(userId, name),
    roleRef: { apiGroup, kind: 'ClusterRole', name: `${name}-in-user-namespace` },
    subjects: [{ kind: 'ServiceAccount', name, namespace: 'orchestration-system' }],
  }));
}

/** The quota, limits and network policies of the namespace. */
export function boundsOf(
  userId: string,
  {
    packageIndex,
    programResources: program = PROGRAM_RESOURCES,
    plan = {},
    ...egressSettings
  }: Pick<UserSettings, 'packageIndex' | 'programResources' | 'plan'> & EgressSettings = {},
): KubernetesObject[] {
  return [
    quota(userId, program, plan),
    limitRange(userId, program),
    ...networkPolicies(userId, packageIndex, plan.egress, egressSettings),
  ];
}

function quota(userId: string, program: ProgramResources, plan: Plan): V1ResourceQuota {
  const {
    cpuRequests = COMPUTE.cpuRequests,
    cpus = COMPUTE.cpuLimits,
    memoryRequestsMiB = COMPUTE.memoryRequestsMiB,
    memoryMiB = COMPUTE.memoryLimitsMiB,
  } = plan;
  const beyond = (name: keyof ProgramResources) =>
    PROGRAM_PODS * Math.max(0, program[name] - PROGRAM_RESOURCES[name]);
  return {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: metadataOf(userId, 'user'),
    spec: {
      hard: {
        ...QUOTA,
        ...(plan.pods !== undefined && { pods: String(plan.pods) }),
        'requests.cpu': cpuQuantity(cpuRequests + beyond('cpuRequest')),
        'limits.cpu': cpuQuantity(cpus + beyond('cpus')),
        'requests.memory': `${memoryRequestsMiB + beyond('memoryRequestMiB')}Mi`,
        'limits.memory': `${memoryMiB + beyond('memoryMiB')}Mi`,
      },
    },
  };
}

/** Defaults for containers without requests and limits, which the quota would refuse, and maximums. */
function limitRange(userId: string, program: ProgramResources): V1LimitRange {
  return {
    apiVersion: 'v1',
    kind: 'LimitRange',
    metadata: metadataOf(userId, 'user'),
    spec: {
      limits: [
        {
          type: 'Container',
          _default: { cpu: '500m', memory: '256Mi', 'ephemeral-storage': '128Mi' },
          defaultRequest: { cpu: '40m', memory: '64Mi', 'ephemeral-storage': '32Mi' },
          max: {
            cpu: cpuQuantity(Math.max(CONTAINER.cpus, program.cpus)),
            memory: `${Math.max(CONTAINER.memoryMiB, program.memoryMiB)}Mi`,
            'ephemeral-storage': '1Gi',
          },
        },
      ],
    },
  };
}

function metadataOf(userId: string, name: string) {
  return { name, namespace: namespaceOf(userId), labels: ownedBy(userId) };
}

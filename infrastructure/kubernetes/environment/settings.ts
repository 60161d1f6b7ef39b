import type { V1Toleration } from '@kubernetes/client-node';
import type { ProgramResources } from '../production/program/resources';
import type { Plan, Plans } from '../../config/plans';

/** Settings of users' environments. What is not given has the default beside it. */
export interface EnvironmentSettings {
  /** Image with sandbox/test-pod. */
  testImage: string;
  /** RuntimeClass of test pods, such as `kata`; the cluster's default runtime when not given. */
  runtimeClass?: string | undefined;
  /** Labels of the nodes that test pods may be on; any node when not given. */
  nodeSelector?: Record<string, string> | undefined;
  /** Taints of nodes that test pods put up with. */
  tolerations?: V1Toleration[] | undefined;
  /** Plans that users may have. */
  plans?: Plans | undefined;
  /** How many users there may be; any number when 0 or not given. */
  maxUsers?: number | undefined;
  /** Memory of a test pod in MiB: what all processes of a run, its files and the supervisor use. */
  testMemoryMiB?: number | undefined;
  /** Processors that a test pod may use. */
  testCpus?: number | undefined;
  /** Where requirements come from, and the addresses behind that; pods get no way out when not given. */
  packageIndex?: { url: string; cidr: string } | undefined;
  /** What a program gets of a node, for which the user's bounds must have room; PROGRAM_RESOURCES when not given. */
  programResources?: ProgramResources | undefined;
  /** How long `ensure` may take, in milliseconds. */
  deadlineMs?: number | undefined;
}

/** The settings of one user's environment. */
export interface UserSettings extends EnvironmentSettings {
  plan?: Plan | undefined;
}

/** RUN_MEMORY_MB is 256 by default: room for that, as much before it is noticed, the supervisor and requirements. */
export const TEST_MEMORY_MIB = 1_152;
/** One for the program, and one for the supervisor, which ends the last run and begins the next meanwhile. */
export const TEST_CPUS = 2;

/** Below the 3 minutes that the activity has, so that the reason can still be told. */
export const ENSURE_DEADLINE_MS = 150_000;

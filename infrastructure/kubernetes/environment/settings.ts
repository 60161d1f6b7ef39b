import type { V1Toleration } from '@kubernetes/client-node';
import type { ProgramResources } from '../production/program/resources';
import type { Plan, Plans } from '../../config/plans';
import type { EgressSettings } from '../egress/policy';
import type { PackageIndex } from '../packageIndex';
import type { Runtime } from './runtime';

/** Settings of users' environments. Optional ones have a default. */
export interface EnvironmentSettings extends EgressSettings {
  /** Image with sandbox/test-pod. */
  testImage: string;
  /** Finds the runtime of test pods; the cluster's default runtime when not given. */
  findRuntime?: (() => Promise<Runtime>) | undefined;
  /** Labels of the nodes that test pods may be scheduled on; any node when not given. */
  nodeSelector?: Record<string, string> | undefined;
  /** Node taints that test pods tolerate. */
  tolerations?: V1Toleration[] | undefined;
  /** Plans that users may have. */
  plans?: Plans | undefined;
  /** Maximum number of users; unlimited when 0 or not given. */
  maxUsers?: number | undefined;
  /** Memory of a test pod in MiB: what all processes of a run, its files and the supervisor use. */
  testMemoryMiB?: number | undefined;
  /** Processors that a node must have free for a test pod; TEST_CPU_REQUEST when not given. */
  testCpuRequest?: number | undefined;
  /** Processors that a test pod may use. */
  testCpus?: number | undefined;
  /** Pods cannot reach any package index when not given. */
  packageIndex?: PackageIndex | undefined;
  /** CPU and memory of a program, for which the quota must have room; PROGRAM_RESOURCES when not given. */
  programResources?: ProgramResources | undefined;
  /** How long `ensure` may take, in milliseconds. */
  deadlineMs?: number | undefined;
}

/** The settings of one user's environment. */
export interface UserSettings extends EnvironmentSettings {
  plan?: Plan | undefined;
  /** DEFAULT_RUNTIME when not given. */
  runtime?: Runtime | undefined;
}

/**
 * Room for a run (RUN_MEMORY_MB is 256 by default), the same again until an excess is noticed, the supervisor
 * and requirements.
 */
export const TEST_MEMORY_MIB = 1_152;
/** One for the program, and one for the supervisor, which meanwhile ends the last run and starts the next. */
export const TEST_CPUS = 2;
/** More than a program's: when a node is busy, only tests have a time limit that others could use up. */
export const TEST_CPU_REQUEST = 0.04;

/** Below the activity's timeout of 3 minutes, so that the reason can still be reported. */
export const ENSURE_DEADLINE_MS = 150_000;

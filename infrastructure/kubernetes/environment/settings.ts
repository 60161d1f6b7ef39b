import type { ProgramResources } from '../production/resources';

/** Settings of users' environments. What is not given has the default beside it. */
export interface EnvironmentSettings {
  /** Image with infrastructure/test-pod. */
  testImage: string;
  /** RuntimeClass of test pods, such as `kata`; the cluster's default runtime when not given. */
  runtimeClass?: string | undefined;
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

/** RUN_MEMORY_MB is 256 a process by default: room for two, the supervisor, files in memory and requirements. */
export const TEST_MEMORY_MIB = 1_152;
/** One for the program, and one for the supervisor, which ends the last run and begins the next meanwhile. */
export const TEST_CPUS = 2;

/** Below the 3 minutes that the activity has, so that the reason can still be told. */
export const ENSURE_DEADLINE_MS = 150_000;

import type { V1ResourceRequirements } from '@kubernetes/client-node';

/** CPU and memory of a program's container. */
export interface ProgramResources {
  /** CPU limit. */
  cpus: number;
  /** CPU request: what a node must have free for it, and its share when all are busy. */
  cpuRequest: number;
  memoryMiB: number;
  memoryRequestMiB: number;
}

/** Requests are small: a node holds many users, few of whom are busy at the same time. */
export const PROGRAM_RESOURCES: ProgramResources = {
  cpus: 1,
  cpuRequest: 0.015,
  memoryMiB: 256,
  memoryRequestMiB: 64,
};

/** Heap size for languages that limit theirs, in MiB: code and stacks need the rest of the memory. */
export function heapOf({ memoryMiB }: ProgramResources): number {
  return Math.floor(memoryMiB * 0.75);
}

/** @param disk limit of ephemeral storage, as a quantity */
export function resourcesOf(program: ProgramResources, disk: string): V1ResourceRequirements {
  return {
    requests: {
      cpu: cpuQuantity(program.cpuRequest),
      memory: `${program.memoryRequestMiB}Mi`,
      'ephemeral-storage': '64Mi',
    },
    limits: { cpu: cpuQuantity(program.cpus), memory: `${program.memoryMiB}Mi`, 'ephemeral-storage': disk },
  };
}

/** A number of CPUs as a quantity, which Kubernetes counts in thousandths. */
export function cpuQuantity(cpus: number): string {
  return Number.isInteger(cpus) ? String(cpus) : `${Math.ceil(cpus * 1000)}m`;
}

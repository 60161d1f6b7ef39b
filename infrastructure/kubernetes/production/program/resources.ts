import type { V1ResourceRequirements } from '@kubernetes/client-node';

/** What the container of a program gets of a node. */
export interface ProgramResources {
  /** Processors that it may use. */
  cpus: number;
  /** Processors that a node must have free for it: its share when all are busy. */
  cpuRequest: number;
  memoryMiB: number;
  memoryRequestMiB: number;
}

/** Requests are small: a node holds many users, few of whom are busy together. */
export const PROGRAM_RESOURCES: ProgramResources = {
  cpus: 1,
  cpuRequest: 0.015,
  memoryMiB: 256,
  memoryRequestMiB: 64,
};

/** Of a program's memory, the heap of languages that limit theirs: code and stacks need the rest. In MiB. */
export function heapOf({ memoryMiB }: ProgramResources): number {
  return Math.floor(memoryMiB * 0.75);
}

/** @param disk how much it may write, as a quantity */
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

/** Kubernetes counts in thousandths. */
export function cpuQuantity(cpus: number): string {
  return Number.isInteger(cpus) ? String(cpus) : `${Math.ceil(cpus * 1000)}m`;
}

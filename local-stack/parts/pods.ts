import { setTimeout as wait } from 'node:timers/promises';
import { runCommand } from '../machine/command';
import type { Part } from '../part';
import { statePaths, type Settings } from '../settings';

/** Milliseconds between SIGTERM to the containers and the end of the node, which databases survive. */
const usualGrace = 5000;
const pollInterval = 100;

/** The containers. They stop after the kubelet, which would restart them, and before the runtime. */
export class Pods implements Part {
  readonly name = 'pods';
  private readonly hurry = new AbortController();

  /** @param client - path of containerd's client. */
  constructor(
    private readonly settings: Settings,
    private readonly client: string,
  ) {}

  start(): Promise<void> {
    return Promise.resolve();
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  async stop(graceMilliseconds = usualGrace): Promise<void> {
    if (graceMilliseconds === 0) this.hurry.abort();
    const deadline = Date.now() + graceMilliseconds;
    try {
      for (const id of await this.running()) await this.ctr('tasks', 'kill', '--signal', 'SIGTERM', id);
      while (Date.now() < deadline && (await this.running()).length > 0) await wait(pollInterval);
    } catch {
      // The stop was hurried, the runtime has ended, or a container ended before it was signalled: all
      // containers end with the node anyway.
    }
  }

  /** Ids of running containers, without those that only hold a pod's namespaces open. */
  private async running(): Promise<string[]> {
    const label = 'labels."io.cri-containerd.kind"==container';
    const [containers, tasks] = await Promise.all([
      this.ctr('containers', 'list', '--quiet', label),
      this.ctr('tasks', 'list'),
    ]);
    const workloads = new Set(containers.split('\n'));
    return tasks
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .filter(([id, , state]) => id !== undefined && workloads.has(id) && state === 'RUNNING')
      .map(([id]) => id as string);
  }

  private ctr(...args: string[]): Promise<string> {
    const { containerdSocket } = statePaths(this.settings);
    const common = ['--address', containerdSocket, '--namespace', 'k8s.io'];
    return runCommand(this.client, [...common, ...args], { timeout: 5000, signal: this.hurry.signal });
  }
}

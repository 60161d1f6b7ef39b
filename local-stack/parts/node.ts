import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { runCommand } from '../machine/command';
import { childrenOf } from '../../infrastructure/processIdentity';
import { removeCgroups, makeCgroups } from '../machine/cgroups';
import { restoreSysctls, saveSysctls } from '../machine/sysctls';
import { statePaths, type Settings } from '../settings';
import { ServerPart } from './serverPart';

/**
 * The Kubernetes node: separate network, mount and process namespaces, connected to this machine by a veth
 * pair. Everything that containerd, the kubelet and kube-proxy create (mounts, bridges, packet filter rules,
 * shims) is inside the node and ends with it, even after a crash. The machine itself, and any other
 * Kubernetes on it, are not affected. Pods have no route beyond this machine.
 */
export class Node extends ServerPart {
  constructor(private readonly settings: Settings) {
    super({
      settings,
      name: 'node',
      specification: () => Promise.resolve(nodeProcess(settings)),
      isReady: (pid) => Promise.resolve(isSetUp(pid)),
      readyWithin: 15_000,
    });
  }

  /** Host pid of the first process in the node, for nsenter. */
  get namespaces(): number {
    const pid = this.pid === undefined ? undefined : childrenOf(this.pid)[0];
    if (pid === undefined) throw new Error('The node does not run.');
    return pid;
  }

  /** Runs a command in the network namespace of the node. @returns its output */
  runInNetwork(...command: string[]): Promise<string> {
    return runCommand('nsenter', ['--target', String(this.namespaces), '--net', ...command]);
  }

  override async start(): Promise<void> {
    await loadBridgeFilter();
    await waitForDevice(this.settings.network.device);
    await saveSysctls(statePaths(this.settings).sysctls);
    await makeCgroups(this.settings.cgroup);
    await super.start();
  }

  override async ready(): Promise<void> {
    await super.ready();
    await this.connect();
  }

  override async stop(): Promise<void> {
    // As the first process of a PID namespace, it ignores SIGTERM. Nothing is left to stop gracefully.
    await this.process?.stop(0);
    await removeCgroups(this.settings.cgroup);
    await restoreSysctls(statePaths(this.settings).sysctls);
  }

  /**
   * Creates the veth pair, whose other end is eth0 in the node. The kernel removes it with either namespace.
   */
  private async connect(): Promise<void> {
    const { device, hostAddress, nodeAddress, prefixLength, podRange, serviceRange } = this.settings.network;
    const namespace = String(this.namespaces);
    const ip = (...args: string[]) => runCommand('ip', args);
    const ipInNode = (...args: string[]) => this.runInNetwork('ip', ...args);
    await ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    await ip('address', 'add', `${hostAddress}/${prefixLength}`, 'dev', device);
    await ip('link', 'set', device, 'up');
    await ipInNode('address', 'add', `${nodeAddress}/${prefixLength}`, 'dev', 'eth0');
    await ipInNode('link', 'set', 'eth0', 'up');
    // Routes that let only this machine reach pods and Services by their addresses.
    await ip('route', 'add', podRange, 'via', nodeAddress, 'dev', device);
    await ip('route', 'add', serviceRange, 'via', nodeAddress, 'dev', device);
  }
}

function nodeProcess({ network, ports }: Settings) {
  const script = join(__dirname, 'node-init.sh');
  return {
    command: 'unshare',
    args: [
      ...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
      ...['sh', script, network.hostAddress, ...[ports.apiserver, ports.dns, ports.packageIndex].map(String)],
    ],
  };
}

function isSetUp(unsharePid: number): boolean {
  const first = childrenOf(unsharePid)[0];
  return first !== undefined && existsSync(`/proc/${first}/root/run/node-is-set-up`);
}

/** Milliseconds that the kernel may take to remove the veth pair of a node that has just ended. */
const deviceGoneWithin = 5000;

/**
 * @throws Error when the interface still exists: a stack with another state directory uses this stack number.
 */
async function waitForDevice(device: string): Promise<void> {
  const deadline = Date.now() + deviceGoneWithin;
  while (existsSync(`/sys/class/net/${device}`)) {
    if (Date.now() > deadline)
      throw new Error(
        `The network interface ${device} exists: a stack with another state directory runs. Stop it, or set LOCAL_STACK_NUMBER to another number.`,
      );
    await wait(50);
  }
}

/**
 * Packets between pods of one node only pass through the packet filter with this module: Services need it.
 */
async function loadBridgeFilter(): Promise<void> {
  if (existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables')) return;
  await runCommand('modprobe', ['br_netfilter']);
}

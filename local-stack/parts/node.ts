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
 * The machine that Kubernetes sees: network, mount and process namespaces of their own, joined to this machine
 * by a virtual cable. Whatever containerd, the kubelet and kube-proxy make (mounts, bridges, packet filter
 * rules, shims) is made in there and ends with it, however it ends; this machine's own stay untouched, and so
 * does any other Kubernetes on it. Pods have no route beyond this machine.
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

  /** Host pid of the first process in the node: what nsenter needs. */
  get namespaces(): number {
    const pid = this.pid === undefined ? undefined : childrenOf(this.pid)[0];
    if (pid === undefined) throw new Error('The node does not run.');
    return pid;
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
    // Its first process takes no SIGTERM, as the first of any namespace: there is nothing to end gently by now.
    await this.process?.stop(0);
    await removeCgroups(this.settings.cgroup);
    await restoreSysctls(statePaths(this.settings).sysctls);
  }

  /** The cable: its far end is eth0 in the node. It goes when either end's namespace goes. */
  private async connect(): Promise<void> {
    const { device, hostAddress, nodeAddress, prefixLength, podRange, serviceRange } = this.settings.network;
    const namespace = String(this.namespaces);
    const ip = (...args: string[]) => runCommand('ip', args);
    const ipInNode = (...args: string[]) =>
      runCommand('nsenter', ['--target', namespace, '--net', 'ip', ...args]);
    await ip('link', 'add', device, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    await ip('address', 'add', `${hostAddress}/${prefixLength}`, 'dev', device);
    await ip('link', 'set', device, 'up');
    await ipInNode('address', 'add', `${nodeAddress}/${prefixLength}`, 'dev', 'eth0');
    await ipInNode('link', 'set', 'eth0', 'up');
    // So that this machine, and only it, can open pods and Services by their addresses.
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

/** Milliseconds that the kernel may take to drop the cable of a node that just ended. */
const deviceGoneWithin = 5000;

/** @throws Error when the cable's name stays taken: a stack with another state directory has this number. */
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

/** Packets between pods of one node pass the packet filter only with this module: Services need it. */
async function loadBridgeFilter(): Promise<void> {
  if (existsSync('/proc/sys/net/bridge/bridge-nf-call-iptables')) return;
  await runCommand('modprobe', ['br_netfilter']);
}

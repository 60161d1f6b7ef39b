import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { GvisorPrograms } from '../artifacts/gvisorPrograms';
import { gvisorHandler } from '../cluster/manifests';
import { runCommand } from '../machine/command';
import { standsOnOverlay } from '../machine/fileSystem';
import { statePaths, type Settings } from '../settings';
import type { Node } from './node';
import { ServerPart } from './serverPart';

/** Maximum path length of a Unix socket: sun_path holds 108 bytes including the terminating zero. */
const longestSocketPath = 107;

/** What containerd is started with. */
export interface ContainerdOptions {
  settings: Settings;
  node: Node;
  /** The folder with containerd's programs. */
  programs: string;
  /** Undefined when gVisor is not available on this machine. */
  gvisor: GvisorPrograms | undefined;
  /** The image of the container that holds a pod's namespaces open. */
  pauseImage: string;
}

/**
 * The container runtime, inside the node, with its own root, state, address and CNI configuration: a Docker
 * or containerd on the machine is not affected. Pods run with runc, or in gVisor if they request it.
 */
export function containerd(options: ContainerdOptions): ServerPart {
  const { settings, node, programs } = options;
  const paths = statePaths(settings);
  return new ServerPart({
    settings,
    name: 'containerd',
    specification: async () => {
      if (Buffer.byteLength(paths.containerdSocket) + '.ttrpc'.length > longestSocketPath)
        throw new Error(
          `${paths.containerdSocket} is too long for a socket (${longestSocketPath} bytes). Set ORCHESTRATION_STATE_DIR to a shorter path.`,
        );
      const configuration = await writeConfiguration(options);
      return {
        command: join(programs, 'containerd'),
        args: ['--config', configuration],
        // It finds its shim for runc on PATH: the folder with its own programs comes first.
        environment: { PATH: `${programs}:${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` },
        namespacesOf: node.namespaces,
      };
    },
    isReady: async () => {
      await runCommand(join(programs, 'ctr'), ['--address', paths.containerdSocket, 'version']);
      return true;
    },
    readyWithin: 30_000,
  });
}

async function writeConfiguration({ settings, gvisor, pauseImage }: ContainerdOptions): Promise<string> {
  const paths = statePaths(settings);
  const directory = paths.containerd;
  const network = join(directory, 'cni');
  await mkdir(network, { recursive: true, mode: 0o700 });
  await writeFile(join(network, '10-pods.conflist'), JSON.stringify(podNetwork(settings), null, 2));
  const snapshotter = (await standsOnOverlay(directory)) ? 'native' : 'overlayfs';
  const file = join(directory, 'config.toml');
  const images = 'plugins."io.containerd.cri.v1.images"';
  const runtime = 'plugins."io.containerd.cri.v1.runtime"';
  const text = `version = 3
root = "${join(directory, 'root')}"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.internal.v1.opt",
  "io.containerd.nri.v1.nri",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.erofs",
]

[grpc]
address = "${paths.containerdSocket}"

[plugins."io.containerd.grpc.v1.cri"]
stream_server_address = "127.0.0.1"

[${images}]
snapshotter = "${snapshotter}"

[${images}.pinned_images]
sandbox = "${pauseImage}"

[${runtime}]
# Without CAP_SYS_RESOURCE a container's OOM score cannot be set below ours.
restrict_oom_score_adj = true

[${runtime}.cni]
bin_dirs = ["/usr/lib/cni"]
conf_dir = "${network}"

[${runtime}.containerd]
default_runtime_name = "runc"

[${runtime}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[${runtime}.containerd.runtimes.runc.options]
SystemdCgroup = false
${gvisor ? await gvisorRuntime(directory, runtime, gvisor) : ''}`;
  await writeFile(file, text);
  return file;
}

/** Returns the configuration section for gVisor, and writes the file that configures gVisor's shim. */
async function gvisorRuntime(
  directory: string,
  runtime: string,
  { shim, runsc }: GvisorPrograms,
): Promise<string> {
  const file = join(directory, 'runsc.toml');
  // systrap has no requirements; kvm would need /dev/kvm.
  await writeFile(file, `binary_name = "${runsc}"\n\n[runsc_config]\nplatform = "systrap"\n`);
  const section = `${runtime}.containerd.runtimes.${gvisorHandler}`;
  return `
[${section}]
runtime_type = "io.containerd.runsc.v1"
runtime_path = "${shim}"

[${section}.options]
TypeUrl = "io.containerd.runsc.v1.options"
ConfigPath = "${file}"
`;
}

/** One bridge for all pods, in the node. The leases are on its tmpfs, because no pod outlives the node. */
function podNetwork({ network }: Settings) {
  return {
    cniVersion: '1.0.0',
    name: 'pods',
    plugins: [
      {
        type: 'bridge',
        bridge: 'cni0',
        isGateway: true,
        ipMasq: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: '/run/cni-leases',
          ranges: [[{ subnet: network.podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

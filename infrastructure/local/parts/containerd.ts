import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../machine/command';
import { standsOnOverlay } from '../machine/fileSystem';
import { statePaths, type Settings } from '../settings';
import type { Node } from './node';
import { ServerPart } from './serverPart';

/** systemd's and Debian's limit for a path of a Unix socket: sun_path holds 108 bytes with the final zero. */
const longestSocketPath = 107;

/**
 * The container runtime, inside the node, with a root, state, address and CNI configuration of its own: a
 * Docker or containerd of the machine is not touched.
 */
export function containerd(settings: Settings, node: Node, pauseImage: string): ServerPart {
  const paths = statePaths(settings);
  return new ServerPart({
    settings,
    name: 'containerd',
    specification: async () => {
      if (Buffer.byteLength(paths.containerdSocket) + '.ttrpc'.length > longestSocketPath)
        throw new Error(
          `${paths.containerdSocket} is too long for a socket (${longestSocketPath} bytes). Set ORCHESTRATION_STATE_DIR to a shorter path.`,
        );
      const configuration = await writeConfiguration(settings, pauseImage);
      return {
        command: 'containerd',
        args: ['--config', configuration],
        environment: { PATH: `${process.env.PATH}:/usr/local/sbin:/usr/sbin:/sbin` },
        namespacesOf: node.namespaces,
      };
    },
    isReady: async () => {
      await runCommand('ctr', ['--address', paths.containerdSocket, 'version']);
      return true;
    },
    readyWithin: 30_000,
  });
}

async function writeConfiguration(settings: Settings, pauseImage: string): Promise<string> {
  const paths = statePaths(settings);
  const directory = paths.containerd;
  const network = join(directory, 'cni');
  await mkdir(network, { recursive: true, mode: 0o700 });
  await writeFile(join(network, '10-pods.conflist'), JSON.stringify(podNetwork(settings), null, 2));
  const snapshotter = (await standsOnOverlay(directory)) ? 'native' : 'overlayfs';
  const file = join(directory, 'config.toml');
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  const text = `version = 2
root = "${join(directory, 'root')}"
state = "/run/containerd"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.tracing",
]

[grpc]
address = "${paths.containerdSocket}"

[${cri}]
sandbox_image = "${pauseImage}"
# Without CAP_SYS_RESOURCE a container's OOM score cannot be set below ours.
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"

[${cri}.cni]
bin_dir = "/usr/lib/cni"
conf_dir = "${network}"

[${cri}.containerd]
snapshotter = "${snapshotter}"
default_runtime_name = "runc"

[${cri}.containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[${cri}.containerd.runtimes.runc.options]
SystemdCgroup = false
`;
  await writeFile(file, text);
  return file;
}

/** One bridge for all pods, in the node. The leases are on its tmpfs: no pod outlives it. */
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

import { join } from 'node:path';
import { containerdPrograms } from '../artifacts/containerdPrograms';
import { kubernetesPrograms } from '../artifacts/kubernetesPrograms';
import { imageReferences, type ImageReferences } from '../images/projectImages';
import { loadImages } from '../images/loadImages';
import { ensurePrograms, runPrerequisites } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import { apiserver } from '../parts/apiserver';
import { containerd } from '../parts/containerd';
import { controllerManager, scheduler } from '../parts/controllers';
import { dns } from '../parts/dns';
import { etcd } from '../parts/etcd';
import { usableGvisor } from '../parts/gvisor';
import { kubelet, nodeExists } from '../parts/kubelet';
import { kubeProxy } from '../parts/kubeProxy';
import { networkPolicies, usableNetworkPolicies } from '../parts/networkPolicies';
import { Node } from '../parts/node';
import { Pods } from '../parts/pods';
import { usablePackageIndex } from '../parts/packageIndex';
import { VolumeProvisioner } from '../parts/volumeProvisioner';
import type { Endpoints } from '../endpoints';
import type { Settings } from '../settings';
import type { Servers } from '../servers';
import { contextName, ensureCredentials, type Credentials } from './credentials';
import { applyManifests } from './manifests';

/** A cluster that this process started. */
export interface StartedCluster {
  kubernetes: Endpoints['kubernetes'];
  images: ImageReferences;
  packageIndex: { url: string; cidr: string } | undefined;
}

/** Starts a single-node cluster, loads the images of this checkout, and applies the worker's rights. */
export async function startCluster(
  settings: Settings,
  progress: Progress,
  parts: Servers,
): Promise<StartedCluster> {
  await ensurePrograms(runPrerequisites, progress);
  // The runtime needs none of these programs: images are built and loaded while Go compiles.
  const runtime = startRuntime(settings, progress, parts);
  const [programs, credentials, node] = await Promise.all([
    kubernetesPrograms(settings, progress),
    ensureCredentials(settings),
    runtime.node,
  ]);
  const context = { settings, programs, credentials };
  const admin = credentials.kubeconfigs.admin;
  // Built after Kubernetes, with which it shares most packages.
  const policies = usableNetworkPolicies(settings, progress, node);

  const packageIndex = await runtime.packageIndex;
  const images = await progress.step('starting Kubernetes', async (report) => {
    report('etcd');
    await parts.start(etcd(context));
    report('API server');
    await parts.start(apiserver(context));
    report('controllers, DNS, node');
    await Promise.all([
      parts.start(controllerManager(context)),
      parts.start(scheduler(context)),
      startServicesAndKubelet(),
    ]);
    report('images');
    return runtime.images;
  });

  /** The kubelet restarts pods of an earlier start at once, so the names of Services must resolve by then. */
  async function startServicesAndKubelet() {
    const returning = await nodeExists(admin);
    const enforcePolicies = async () => {
      const program = await policies;
      if (program !== undefined) await parts.start(networkPolicies(context, node, program));
    };
    const services = Promise.all([
      runtime.gvisor
        .then((gvisor) => applyManifests(settings, programs, admin, gvisor !== undefined))
        .then(() =>
          Promise.all([
            parts.start(dns(context)),
            parts.start(volumeProvisioner(settings, credentials, progress)),
          ]),
        ),
      runtime.ready.then(() => parts.start(kubeProxy(context, node))),
      ...(returning ? [enforcePolicies()] : []),
    ]);
    // On a new cluster kube-proxy waits for the node object, which the kubelet creates.
    await (returning ? services : runtime.ready);
    await Promise.all([services, parts.start(kubelet(context, node))]);
    // It needs the node object, too.
    if (!returning) await enforcePolicies();
  }

  return {
    kubernetes: {
      kubeconfig: admin,
      workerKubeconfig: credentials.kubeconfigs.worker,
      gatewayKubeconfig: credentials.kubeconfigs.gateway,
      operationsKubeconfig: credentials.kubeconfigs.operations,
      context: contextName,
    },
    images,
    packageIndex: packageIndex && {
      url: packageIndex.url,
      cidr: `${settings.network.hostAddress}/32`,
    },
  };
}

/**
 * Starts the node's namespaces and the container runtime, and loads the images; returns a promise for each.
 */
function startRuntime(settings: Settings, progress: Progress, parts: Servers) {
  const node = parts.start(new Node(settings));
  // It listens on the host end of the veth pair, so it needs the node.
  const packageIndex = Promise.all([usablePackageIndex(settings, (line) => progress.say(line)), node]).then(
    ([index]) => index && parts.start(index),
  );
  const found = containerdPrograms(settings, progress);
  // Built after containerd, to limit concurrent compilers: Kubernetes and Temporal may be compiling already.
  const gvisor = found.then(async () => usableGvisor(settings, progress, await node));
  const ready = node.then(async (started) => {
    const [programs, { pause: pauseImage }] = await Promise.all([found, imageReferences(settings)]);
    const options = { settings, node: started, programs, gvisor: await gvisor, pauseImage };
    await parts.start(containerd(options));
    await parts.start(new Pods(settings, join(programs, 'ctr')));
  });
  const images = ready.then(() => loadImages(settings, progress));
  // Each is awaited later. Until then, a failure must not end the process as an unhandled rejection.
  for (const promise of [packageIndex, found, gvisor, ready, images]) promise.catch(() => undefined);
  return { node, packageIndex, gvisor, ready, images };
}

function volumeProvisioner(settings: Settings, credentials: Credentials, progress: Progress) {
  const kubeconfig = credentials.kubeconfigs['volume-provisioner'];
  return new VolumeProvisioner(settings, kubeconfig, (line) => progress.say(line));
}

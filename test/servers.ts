import { readConfig } from '../infrastructure/config/config';
import { kubernetesPrograms } from '../local-stack/artifacts/kubernetesPrograms';
import { applyRights } from '../local-stack/cluster/manifests';
import type { Endpoints } from '../local-stack/endpoints';
import { loadImages } from '../local-stack/images/loadImages';
import { Progress } from '../local-stack/machine/progress';
import { dnsRangeOf, readSettings, type Settings } from '../local-stack/settings';
import { findRunningStack, startStack } from '../local-stack/stack';
import type { Stack } from './integration/stack';

/**
 * Calls `work` with real servers, for tests and benchmarks: those of the running local stack, or of one that
 * is started and stopped for this call. Loads the images of the current checkout, and applies its rights.
 * @param signal aborts the start of a stack
 */
export async function withServers<T>(work: (servers: Stack) => Promise<T>, signal?: AbortSignal): Promise<T> {
  const settings = readSettings();
  const progress = new Progress();
  const running = findRunningStack(settings);
  const own = running ? undefined : await startStack({ settings, progress, ...(signal && { signal }) });
  try {
    return await work(await serversFor(running ?? own!.endpoints, settings, progress));
  } finally {
    await own?.stop();
  }
}

async function serversFor(endpoints: Endpoints, settings: Settings, progress: Progress): Promise<Stack> {
  const { kubernetes, temporalAddress, elasticsearch, packageIndex } = endpoints;
  const programs = await kubernetesPrograms(settings, progress);
  const kubectl = programs('kubectl');
  const images = await imagesFor(endpoints, settings, progress);
  if (endpoints.images) await applyRights(settings, programs, kubernetes.kubeconfig);
  return {
    temporalAddress,
    elasticsearchHost: elasticsearch,
    kubeconfig: kubernetes.kubeconfig,
    kubeContext: kubernetes.context,
    workerKubeconfig: kubernetes.workerKubeconfig,
    gatewayKubeconfig: kubernetes.gatewayKubeconfig,
    operationsKubeconfig: kubernetes.operationsKubeconfig,
    kubectl: [kubectl.command, ...kubectl.args],
    images,
    packageIndex,
    clusterDns: endpoints.images && dnsRangeOf(settings),
  };
}

async function imagesFor({ images }: Endpoints, settings: Settings, progress: Progress) {
  if (images) {
    const loaded = await loadImages(settings, progress, { withOlderDatabases: true });
    const { 'test-pod': test, program, database, 'database-15': database15 } = loaded;
    return { test, program, database, database15 };
  }
  const named = readConfig(['TEST_IMAGE', 'PROGRAM_IMAGE', 'DATABASE_IMAGE', 'DATABASE_IMAGE_15']);
  return {
    test: named.TEST_IMAGE,
    program: named.PROGRAM_IMAGE,
    database: named.DATABASE_IMAGE,
    database15: named.DATABASE_IMAGE_15,
  };
}

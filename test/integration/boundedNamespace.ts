import type { Production } from '../../activities/ports';
import { apply } from '../../infrastructure/kubernetes/api/apply';
import { connectKubernetes, type Kube } from '../../infrastructure/kubernetes/api/client';
import {
  bindingsOf,
  boundsOf,
  userNamespace,
} from '../../infrastructure/kubernetes/environment/namespaceManifests';
import { createProduction } from '../../infrastructure/kubernetes/production/production';
import type { ProductionSettings } from '../../infrastructure/kubernetes/production/types';
import { stack } from './stack';

/**
 * Creates a user's namespace with its RoleBindings and limits, but without a test pod. @returns a client with the
 * administrator's rights
 */
export async function makeNamespace(userId: string): Promise<Kube> {
  const { kubeconfig, kubeContext } = stack();
  const admin = connectKubernetes({ kubeconfig, context: kubeContext });
  await apply(admin.objects, userNamespace(userId));
  for (const bound of [...bindingsOf(userId), ...boundsOf(userId)]) await apply(admin.objects, bound);
  return admin;
}

/** The production adapter with exactly the worker's rights. */
export function productionOfWorker(settings: Partial<ProductionSettings> = {}): Production {
  const { workerKubeconfig, kubeContext, images } = stack();
  const worker = connectKubernetes({ kubeconfig: workerKubeconfig, context: kubeContext });
  return createProduction(worker, {
    programImage: images.program,
    databaseImage: images.database,
    olderDatabaseImages: { '15': images.database15 },
    ...settings,
  });
}

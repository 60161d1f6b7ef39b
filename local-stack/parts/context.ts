import type { KubernetesPrograms } from '../artifacts/kubernetesPrograms';
import type { Credentials } from '../cluster/credentials';
import type { Settings } from '../settings';

/** What the Kubernetes parts are started with. */
export interface ClusterContext {
  settings: Settings;
  programs: KubernetesPrograms;
  credentials: Credentials;
}

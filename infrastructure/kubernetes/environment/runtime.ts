import type { Kube } from '../api/client';
import { attempt, attemptToFind, PlatformError } from '../api/errors';

/** What runs the containers of a pod. */
export interface Runtime {
  /** Its RuntimeClass; null for the cluster's default. */
  className: string | null;
  /** gVisor, whose kernel gives each program namespaces of its own (sandbox/test-pod/warm/namespaces.py). */
  isGvisor: boolean;
}

export const DEFAULT_RUNTIME: Runtime = { className: null, isGvisor: false };

/** The handlers of gVisor: that of its documentation, and that of GKE. */
const GVISOR_HANDLERS = ['runsc', 'gvisor'];

/** How long an answer of the cluster is used, in milliseconds. */
const KEPT_MS = 60_000;

/**
 * Returns a function that finds the runtime of test pods, and asks the cluster at most once a minute.
 * @param wanted the name of a RuntimeClass; `auto` for gVisor where the cluster has it; `none` for the default
 */
export function runtimeFinder(kube: Kube, wanted: string): () => Promise<Runtime> {
  if (wanted === 'none') return () => Promise.resolve(DEFAULT_RUNTIME);
  let found: { runtime: Promise<Runtime>; at: number } | undefined;
  return () => {
    if (found === undefined || performance.now() - found.at > KEPT_MS) {
      const runtime = wanted === 'auto' ? findGvisor(kube) : findNamed(kube, wanted);
      const asked = { runtime, at: performance.now() };
      found = asked;
      runtime.catch(() => {
        if (found === asked) found = undefined;
      });
    }
    return found.runtime;
  };
}

async function findGvisor(kube: Kube): Promise<Runtime> {
  const { items } = await attempt('list RuntimeClasses', () => kube.node.listRuntimeClass());
  const names = items
    .filter(({ handler }) => GVISOR_HANDLERS.includes(handler))
    .map(({ metadata }) => metadata?.name ?? '')
    .sort();
  const [className] = names;
  return className === undefined ? DEFAULT_RUNTIME : { className, isGvisor: true };
}

/** @throws PlatformError `Rejected` if the cluster has no such RuntimeClass */
async function findNamed(kube: Kube, name: string): Promise<Runtime> {
  const found = await attemptToFind(`read RuntimeClass/${name}`, () => kube.node.readRuntimeClass({ name }));
  if (found === null)
    throw new PlatformError(
      'Rejected',
      `The cluster has no RuntimeClass ${name}: TEST_RUNTIME_CLASS must name one of the cluster, or be auto or none.`,
    );
  return { className: name, isGvisor: GVISOR_HANDLERS.includes(found.handler) };
}

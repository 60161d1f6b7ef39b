/** Runs kubectl with these arguments and this input. @returns its output */
export type Kubectl = (args: string[], input?: string) => Promise<string>;

/** The ConfigMap of infrastructure/rbac.yaml that lists the images of users' pods, one in each value. */
const NAME = 'user-images';
const NAMESPACE = 'orchestration-system';

/**
 * Permits images in users' pods. Images that were permitted earlier stay permitted, because programs of
 * earlier checkouts still run with them.
 */
export async function permitImages(kubectl: Kubectl, images: readonly string[]): Promise<void> {
  const found = await kubectl([
    ...['get', 'configmap', NAME, '-n', NAMESPACE],
    ...['-o', 'json', '--ignore-not-found'],
  ]);
  const { data = {} } = (found.trim() === '' ? {} : JSON.parse(found)) as { data?: Record<string, string> };
  const permitted = new Set(Object.values(data));
  if (images.every((image) => permitted.has(image))) return;
  const metadata = { name: NAME, namespace: NAMESPACE };
  const all = { ...data, ...Object.fromEntries(images.map((image) => [keyOf(image), image])) };
  const manifest = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: all };
  await kubectl(
    ['apply', '--server-side', '--force-conflicts', '--field-manager=local-stack', '-f', '-'],
    JSON.stringify(manifest),
  );
}

/** A valid key of a ConfigMap: the image's name and tag, without the registry. */
function keyOf(image: string): string {
  return image.replace(/^.*\//, '').replaceAll(/[^-._A-Za-z0-9]/g, '.');
}

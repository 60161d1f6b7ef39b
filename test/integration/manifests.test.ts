import { kubectl } from './kubectl';

/** Manifests that nothing on the local stack needs: the server takes them, and nothing is made. */

test.each([
  ['infrastructure/', 'ingress.networking.k8s.io/gateway'],
  ['infrastructure/secured/', 'configmap/elasticsearch-roles'],
])('a cluster takes all of %s, without a conflict', async (folder, one) => {
  const said = await kubectl('apply', '--server-side', '--dry-run=server', '-f', folder);
  expect(said).toContain(`${one} serverside-applied (server dry run)`);
  for (const line of said.trim().split('\n')) expect(line).toMatch(/ serverside-applied \(server dry run\)$/);
});

import { kubectl } from './kubectl';

/** Manifests that nothing on the local stack needs: the server takes them, and nothing is made. */

test('the ingress of the gateway is one that a cluster takes', async () => {
  const said = await kubectl('apply', '--dry-run=server', '-f', 'infrastructure/ingress.yaml');
  expect(said).toContain('ingress.networking.k8s.io/gateway created (server dry run)');
});

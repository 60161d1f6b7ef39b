import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadYaml } from '@kubernetes/client-node';

interface Kustomization {
  configMapGenerator: { name: string; literals: string[] }[];
}

const overlay = join(__dirname, '../../infrastructure/install/overlays/production/kustomization.yaml');

test('the overlay of an installation permits the images that it names in users’ pods', () => {
  const { configMapGenerator } = loadYaml<Kustomization>(readFileSync(overlay, 'utf8'));
  const literalsOf = (name: string) => configMapGenerator.find((each) => each.name === name)!.literals;
  const named = literalsOf('settings').filter((literal) => /^[A-Z]+_IMAGE(_\d+)?=/.test(literal));
  expect(named).toHaveLength(4);
  expect(literalsOf('user-images').map(valueOf)).toEqual(named.map(valueOf));
});

function valueOf(literal: string): string {
  return literal.slice(literal.indexOf('=') + 1);
}

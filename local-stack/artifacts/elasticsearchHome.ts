import { readdirSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { arch } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../machine/command';
import { ensurePrograms, mavenPrerequisites } from '../machine/prerequisites';
import type { Progress } from '../machine/progress';
import type { Settings } from '../settings';
import { elasticsearchArchiveSha256, versions } from '../versions';
import { obtain } from './cache';
import { checksumOfFile, keyOfInputs } from './checksum';
import { ChecksumError, download } from './download';
import { firstThatWorks, type Source } from './sources';

/** The folder of an unpacked Elasticsearch: from ELASTICSEARCH_HOME, downloaded, or from Maven Central. */
export function elasticsearchHome(settings: Settings, progress: Progress): Promise<string> {
  return firstThatWorks(
    'Elasticsearch',
    [installed(), downloaded(settings, progress), fromMaven(settings, progress)],
    {
      cacheDirectory: settings.cacheDirectory,
      progress,
    },
  );
}

function installed(): Source<string> {
  return {
    title: 'installed here',
    find: () => {
      const home = process.env.ELASTICSEARCH_HOME;
      if (!home) return Promise.resolve(undefined);
      const jar = readdirSync(join(home, 'lib')).find((name) => /^elasticsearch-\d[\d.]*\.jar$/.test(name));
      if (!jar?.startsWith('elasticsearch-8.'))
        throw new Error(
          `ELASTICSEARCH_HOME=${home} holds ${jar ?? 'no Elasticsearch'}; it must be version 8.`,
        );
      return Promise.resolve(home);
    },
  };
}

function downloaded(settings: Settings, progress: Progress): Source<string> {
  const architecture = arch() === 'x64' ? 'x86_64' : 'aarch64';
  const url = `https://artifacts.elastic.co/downloads/elasticsearch/elasticsearch-${versions.elasticsearch}-linux-${architecture}.tar.gz`;
  return {
    title: 'official download',
    url,
    find: async () => {
      const directory = await obtain(
        {
          title: `Elasticsearch ${versions.elasticsearch} (download)`,
          name: 'elasticsearch-download',
          key: await keyOfInputs([url]),
          make: async (into, report) => {
            const archive = join(into, 'archive.tar.gz');
            await download({ url, checksumUrl: `${url}.sha512`, algorithm: 'sha512' }, archive, report);
            await runCommand('tar', ['-xzf', archive, '-C', into, '--no-same-owner', '--strip-components=1']);
            await rm(archive);
          },
        },
        settings.cacheDirectory,
        progress,
      );
      return directory;
    },
  };
}

/** Elastic's official build for integration tests: the server with few modules and without a JDK. */
function fromMaven(settings: Settings, progress: Progress): Source<string> {
  const coordinates = `org.elasticsearch.distribution.integ-test-zip:elasticsearch:${versions.elasticsearch}:zip`;
  return {
    title: 'from Maven Central',
    find: async () =>
      obtain(
        {
          title: `Elasticsearch ${versions.elasticsearch} (from Maven Central, once)`,
          name: 'elasticsearch',
          key: await keyOfInputs([coordinates, elasticsearchArchiveSha256]),
          make: async (into, report) => {
            await ensurePrograms(mavenPrerequisites, progress);
            report('downloading 107 MB');
            await runCommand('mvn', [
              '-q',
              '--batch-mode',
              'dependency:copy',
              `-Dartifact=${coordinates}`,
              `-DoutputDirectory=${into}`,
            ]);
            await unpack(into, `elasticsearch-${versions.elasticsearch}`);
          },
        },
        settings.cacheDirectory,
        progress,
      ),
  };
}

async function unpack(directory: string, name: string): Promise<void> {
  const archive = join(directory, `${name}.zip`);
  const actual = await checksumOfFile(archive);
  if (actual !== elasticsearchArchiveSha256)
    throw new ChecksumError(archive, 'sha256', elasticsearchArchiveSha256, actual);
  await runCommand('unzip', ['-q', archive, '-d', directory]);
  await rm(archive);
  const unpacked = join(directory, name);
  for (const entry of readdirSync(unpacked)) await rename(join(unpacked, entry), join(directory, entry));
  await rm(unpacked, { recursive: true });
}

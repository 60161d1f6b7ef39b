import { existsSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '../settings';
import { httpStatus } from './httpCheck';
import { ServerPart } from './serverPart';

/** Elasticsearch refuses to run as root. This user and group has no account, so it owns nothing else. */
const elasticsearchId = 64_920;
const heapMegabytes = 512;

/** A single-node Elasticsearch on loopback. */
export function elasticsearch(settings: Settings, home: string, javaHome: string): ServerPart {
  const port = settings.ports.elasticsearch;
  const directory = join(settings.stateDirectory, 'elasticsearch');
  return new ServerPart({
    settings,
    name: 'elasticsearch',
    specification: async () => {
      await writeConfiguration(directory, home, port);
      return {
        command: 'unshare',
        args: [
          '--mount',
          'sh',
          join(__dirname, 'elasticsearch-init.sh'),
          String(elasticsearchId),
          home,
          directory,
        ],
        environment: {
          ES_JAVA_HOME: javaHome,
          // Only the C1 compiler: half the processor time until the server is ready (9 s instead of 16 s).
          ES_JAVA_OPTS: `-Xms${heapMegabytes}m -Xmx${heapMegabytes}m -XX:TieredStopAtLevel=1`,
          // Elasticsearch warns about these and ignores them.
          JAVA_HOME: undefined,
          JAVA_TOOL_OPTIONS: undefined,
        },
        graceMilliseconds: 15_000,
      };
    },
    isReady: async () =>
      (await httpStatus(`http://127.0.0.1:${port}/_cluster/health?wait_for_status=yellow&timeout=1s`)) ===
      200,
    readyWithin: 120_000,
  });
}

async function writeConfiguration(directory: string, home: string, port: number): Promise<void> {
  const target = join(directory, 'config');
  await rm(target, { recursive: true, force: true });
  await mkdir(directory, { recursive: true, mode: 0o755 });
  await cp(join(home, 'config'), target, { recursive: true });
  // The small official build on Maven Central does not contain machine learning and rejects its settings.
  const machineLearning = existsSync(join(home, 'modules', 'x-pack-ml')) ? ['xpack.ml.enabled: false'] : [];
  const lines = [
    'cluster.name: orchestration-local',
    'node.name: local',
    'discovery.type: single-node',
    'network.host: 127.0.0.1',
    `http.port: ${port}`,
    'path.data: /mnt/state/data',
    'path.logs: /mnt/state/logs',
    'xpack.security.enabled: false',
    // A laptop's disk is often nearly full: at 95 % usage every index would become read-only.
    'cluster.routing.allocation.disk.threshold_enabled: false',
    ...machineLearning,
  ];
  await writeFile(join(target, 'elasticsearch.yml'), `${lines.join('\n')}\n`);
}

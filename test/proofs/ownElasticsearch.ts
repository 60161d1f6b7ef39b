import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { elasticsearchHome } from '../../local-stack/artifacts/elasticsearchHome';
import { findJavaHome } from '../../local-stack/machine/prerequisites';
import { Progress } from '../../local-stack/machine/progress';
import { elasticsearch } from '../../local-stack/parts/elasticsearch';
import { readSettings } from '../../local-stack/settings';
import { reservePort } from '../reservedPorts';

/** A separate Elasticsearch for a test, which may be killed. */
export interface OwnElasticsearch {
  url: string;
  /** Kills it, as a crash does. Its data is kept. */
  kill(): Promise<void>;
  start(): Promise<void>;
  remove(): Promise<void>;
}

export async function startElasticsearch(): Promise<OwnElasticsearch> {
  const settings = readSettings();
  const progress = new Progress();
  const [home, javaHome] = await Promise.all([elasticsearchHome(settings, progress), findJavaHome()]);
  const stateDirectory = await mkdtemp(join(tmpdir(), 'elasticsearch-'));
  const ports = { ...settings.ports, elasticsearch: await reservePort() };
  const part = elasticsearch({ ...settings, stateDirectory, ports }, home, javaHome);
  const start = async () => {
    await part.start();
    await part.ready();
  };
  const remove = async () => {
    await part.stop(0);
    await rm(stateDirectory, { recursive: true, maxRetries: 10, retryDelay: 200 });
  };
  try {
    await start();
  } catch (error) {
    await remove();
    throw error;
  }
  return { url: `http://127.0.0.1:${ports.elasticsearch}`, kill: () => part.stop(0), start, remove };
}

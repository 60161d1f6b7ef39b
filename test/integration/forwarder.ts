import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@elastic/elasticsearch';
import { putLogsTemplate } from '../../infrastructure/elasticsearch/logHistory';
import { rsyslogPrograms } from '../../local-stack/artifacts/rsyslogPrograms';
import { LINES_PER_MINUTE, logForwarder } from '../../local-stack/logForwarder/part';
import { Progress } from '../../local-stack/machine/progress';
import { readSettings, statePaths } from '../../local-stack/settings';
import { stack } from './stack';

/** A separate forwarder of the stack's pod logs, with separate indices. */
export interface Forwarder {
  prefix: string;
  /** Pid of its first process, while it runs. */
  pid(): number | undefined;
  start(): Promise<void>;
  stop(graceMilliseconds?: number): Promise<void>;
  /** Stops it and deletes the indices that it wrote. */
  remove(): Promise<void>;
}

export async function startForwarder(
  elasticsearch = stack().elasticsearchHost,
  linesPerMinute = LINES_PER_MINUTE,
): Promise<Forwarder> {
  const settings = readSettings();
  const directory = await mkdtemp(join(tmpdir(), 'forwarder-'));
  const prefix = `test-logs-${randomUUID().slice(0, 8)}`;
  const programs = await rsyslogPrograms(settings, new Progress());
  const part = logForwarder({ ...settings, stateDirectory: directory }, programs, {
    ...{ elasticsearch, prefix, linesPerMinute, spool: join(directory, 'spool') },
    logs: join(statePaths(settings).node, 'pod-logs'),
  });
  await putLogsTemplate({ node: stack().elasticsearchHost, prefix });
  const start = async () => {
    await part.start();
    await part.ready();
  };
  await start();
  return {
    prefix,
    pid: () => part.pid,
    start,
    stop: (graceMilliseconds) => part.stop(graceMilliseconds),
    async remove() {
      await part.stop();
      const client = new Client({ node: stack().elasticsearchHost });
      // Indices are deleted by name, because Elasticsearch does not accept patterns for it.
      const indices = Object.keys(await client.indices.get({ index: `${prefix}-*`, allow_no_indices: true }));
      if (indices.length > 0) await client.indices.delete({ index: indices });
      await client.indices.deleteIndexTemplate({ name: prefix });
      await client.close();
      await rm(directory, { recursive: true });
    },
  };
}

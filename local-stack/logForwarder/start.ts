import { join } from 'node:path';
import { putLogsTemplate } from '../../infrastructure/elasticsearch/logHistory';
import { rsyslogPrograms } from '../artifacts/rsyslogPrograms';
import type { Progress } from '../machine/progress';
import { statePaths, type Settings } from '../settings';
import type { Servers } from '../servers';
import { logForwarder } from './part';

/** Prefix of the indices of pod logs, unless ELASTICSEARCH_LOGS sets another. */
const PREFIX = 'orchestration-logs';

/**
 * Starts archiving the logs of deleted pods. If that is not possible on this machine, reports the reason in
 * one line: no other part depends on it.
 */
export async function startLogForwarder(
  settings: Settings,
  progress: Progress,
  parts: Servers,
  elasticsearch: string,
): Promise<void> {
  try {
    const programs = await rsyslogPrograms(settings, progress);
    const prefix = process.env.ELASTICSEARCH_LOGS || PREFIX;
    await putLogsTemplate({ node: elasticsearch, prefix });
    const { node } = statePaths(settings);
    const logs = join(node, 'pod-logs');
    const spool = join(settings.stateDirectory, 'log-forwarder');
    await parts.start(
      logForwarder(settings, programs, { logs, spool, elasticsearch, prefix }),
      'independent',
    );
  } catch (error) {
    const reason = (error as Error).message.replace(/\s*\n\s*/g, ' ');
    progress.say(`  Logs of pods that are gone are not kept: ${reason}`);
  }
}

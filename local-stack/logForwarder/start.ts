import { join } from 'node:path';
import { putLogsTemplate } from '../../infrastructure/elasticsearch/logHistory';
import { rsyslogPrograms } from '../artifacts/rsyslogPrograms';
import type { Progress } from '../machine/progress';
import { statePaths, type Settings } from '../settings';
import type { StackParts } from '../stackParts';
import { logForwarder } from './part';

/** What the names of the indices of pod logs begin with, unless ELASTICSEARCH_LOGS says otherwise. */
const PREFIX = 'orchestration-logs';

/** Keeps the logs of pods that are gone, if this machine can; else says in one line why not. Nothing else needs it. */
export async function startLogForwarder(
  settings: Settings,
  progress: Progress,
  parts: StackParts,
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

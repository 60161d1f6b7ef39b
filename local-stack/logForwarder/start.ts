import { join } from 'node:path';
import { putLogsTemplate } from '../../infrastructure/elasticsearch/logHistory';
import { rsyslogPrograms } from '../artifacts/rsyslogPrograms';
import type { Progress } from '../machine/progress';
import { statePaths, type Settings } from '../settings';
import type { Servers } from '../servers';
import { LINES_PER_MINUTE, logForwarder } from './part';

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
      logForwarder(settings, programs, {
        logs,
        spool,
        elasticsearch,
        prefix,
        linesPerMinute: linesPerMinute(),
      }),
      'independent',
    );
  } catch (error) {
    const reason = (error as Error).message.replace(/\s*\n\s*/g, ' ');
    progress.say(`  Logs of pods that are gone are not kept: ${reason}`);
  }
}

/** @throws Error unless POD_LOG_LINES_PER_MINUTE is empty or a positive whole number */
function linesPerMinute(): number {
  const text = process.env.POD_LOG_LINES_PER_MINUTE || String(LINES_PER_MINUTE);
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new Error(
      `POD_LOG_LINES_PER_MINUTE must be a positive whole number, such as 6000, and not ${text}`,
    );
  return Number(text);
}

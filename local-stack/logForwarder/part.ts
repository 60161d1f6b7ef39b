import { existsSync, readFileSync } from 'node:fs';
import { chown, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RsyslogPrograms } from '../artifacts/rsyslogPrograms';
import { ServerPart } from '../parts/serverPart';
import type { Settings } from '../settings';

/**
 * This user and group has no account, so it owns nothing else on the machine. It can only read every file.
 */
const forwarderId = 64_921;
const rights = '+dac_read_search';

export interface ForwarderSettings {
  /** Folder of the logs of pods, in the kubelet's layout. */
  logs: string;
  /** Where it queues what it could not send yet, and stores its read positions. */
  spool: string;
  /** URL of Elasticsearch, without a password. */
  elasticsearch: string;
  /** Prefix of the names of the indices. */
  prefix: string;
  /** How many lines of a container are stored, of those that it prints within a minute. */
  linesPerMinute: number;
}

/** The default of {@link ForwarderSettings.linesPerMinute}, the same as in infrastructure/fluentd.yaml. */
export const LINES_PER_MINUTE = 6_000;

/**
 * Forwards the output of users' pods to Elasticsearch, with rsyslog instead of Fluentd on the local stack.
 */
export function logForwarder(
  settings: Settings,
  programs: RsyslogPrograms,
  forwarder: ForwarderSettings,
): ServerPart {
  const { spool } = forwarder;
  const pid = join(spool, 'pid');
  return new ServerPart({
    settings,
    name: 'log-forwarder',
    specification: async () => {
      await mkdir(spool, { recursive: true });
      await chown(spool, forwarderId, forwarderId);
      await prepareNotices(noticesIn(spool));
      const configuration = join(spool, 'forward.conf');
      await writeFile(configuration, configurationOf(forwarder));
      return {
        command: 'setpriv',
        args: [
          ...['--reuid', String(forwarderId), '--regid', String(forwarderId), '--clear-groups'],
          ...['--inh-caps', `-all,${rights}`, '--ambient-caps', `-all,${rights}`],
          ...['--bounding-set', `-all,${rights}`, '--no-new-privs', '--'],
          ...[programs.rsyslogd, '-n', '-f', configuration, '-i', pid, '-M', programs.modules],
        ],
        environment: { LD_LIBRARY_PATH: programs.libraries },
        graceMilliseconds: 5_000,
      };
    },
    isReady: () => Promise.resolve(existsSync(pid)),
    readyWithin: 15_000,
  });
}

/** The file of notices is put aside beyond this size, in bytes. */
const mostNotices = 1_048_576;

/** Under another name, the file keeps its inode, by which rsyslog stores how far it has read. */
async function prepareNotices(file: string): Promise<void> {
  await writeFile(file, '', { flag: 'a' });
  if ((await stat(file)).size > mostNotices) {
    await rename(file, `${file}.old`);
    await writeFile(file, '');
  }
  await chown(file, forwarderId, forwarderId);
}

function noticesIn(spool: string): string {
  return join(spool, 'notices');
}

/** @throws Error for an address that rsyslog does not support */
export function configurationOf({
  logs,
  spool,
  elasticsearch,
  prefix,
  linesPerMinute,
}: ForwarderSettings): string {
  const { protocol, host, username } = new URL(elasticsearch);
  if (protocol !== 'http:' || username !== '')
    throw new Error(
      `pod logs are sent to an http:// address without a password, and not to ${protocol}//${host}`,
    );
  const words: Record<string, string> = {
    LOGS: logs,
    SPOOL: spool,
    PREFIX: prefix,
    SERVER: `http://${host}`,
    NOTICES: noticesIn(spool),
    LIMITER: [process.execPath, join(__dirname, 'lineLimit.mjs'), linesPerMinute, noticesIn(spool)].join(' '),
  };
  return readFileSync(join(__dirname, 'forward.conf'), 'utf8').replaceAll(
    /@([A-Z]+)@/g,
    (_, word: string) => words[word] ?? '',
  );
}

import { mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { runCommand } from '../machine/command';
import type { Settings } from '../settings';
import { ServerPart } from './serverPart';

/** Search attributes of the workflow `submitCode`, made when the server starts. */
const searchAttributes = ['UserId', 'SubmissionStatus', 'CodeDigest'];

/** Milliseconds in which it says what it knows of a namespace, also on a busy machine. */
const answerWithin = 10_000;

/** The file in which Temporal keeps everything: SQLite. */
export const temporalDatabase = ({ stateDirectory }: Pick<Settings, 'stateDirectory'>): string =>
  join(stateDirectory, 'temporal', 'temporal.db');

/** Temporal's development server with its Web UI, on loopback; its database is one file that stays. */
export function temporal(
  settings: Settings,
  program: string,
  database = temporalDatabase(settings),
): ServerPart {
  const { ports } = settings;
  const address = `127.0.0.1:${ports.temporal}`;
  return new ServerPart({
    settings,
    name: 'temporal',
    specification: async () => {
      await mkdir(dirname(database), { recursive: true, mode: 0o700 });
      return {
        command: program,
        args: [
          'server',
          'start-dev',
          '--ip=127.0.0.1',
          `--port=${ports.temporal}`,
          `--ui-port=${ports.temporalUi}`,
          `--db-filename=${database}`,
          // A sixth less time a submission. What was committed outlives any process; a power cut may take the last.
          '--sqlite-pragma=journal_mode=WAL',
          '--sqlite-pragma=synchronous=NORMAL',
          '--log-level=warn',
          '--dynamic-config-value=system.enableActivityEagerExecution=true',
          '--dynamic-config-value=matching.enableFairness=true',
          ...searchAttributes.map((name) => `--search-attribute=${name}=Keyword`),
        ],
        graceMilliseconds: 10_000,
      };
    },
    isReady: async () => {
      // The CLI takes seconds to find out that nobody listens yet.
      await connects(ports.temporal);
      const list = ['operator', 'search-attribute', 'list', '--address', address, '--output', 'json'];
      const attributes = await runCommand(program, list, { timeout: 5000 });
      return searchAttributes.every((name) => attributes.includes(name));
    },
    readyWithin: 60_000,
    // Its database can refuse every call from some moment on ("interrupted"), which only another start mends.
    works: async () => {
      const url = `http://127.0.0.1:${ports.temporalUi}/api/v1/namespaces/default`;
      const { ok } = await fetch(url, { signal: AbortSignal.timeout(answerWithin) });
      return ok;
    },
  });
}

function connects(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
  });
}

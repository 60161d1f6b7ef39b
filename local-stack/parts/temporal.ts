import { mkdir } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { runCommand } from '../machine/command';
import type { Settings } from '../settings';
import { ServerPart } from './serverPart';

/** Search attributes of the workflow `submitCode`, registered when the server starts. */
const searchAttributes = ['UserId', 'SubmissionStatus', 'CodeDigest'];

/** Timeout of the check whether it still works, in milliseconds, sufficient for a busy machine. */
const answerWithin = 10_000;

/** Temporal's SQLite database, which contains all its data. */
export const temporalDatabase = ({ stateDirectory }: Pick<Settings, 'stateDirectory'>): string =>
  join(stateDirectory, 'temporal', 'temporal.db');

/** Temporal's development server with its Web UI, on loopback; its database is one persistent file. */
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
          // Saves a sixth of the time of a submission. Commits survive a crash of any process; a power cut
          // may lose the last.
          '--sqlite-pragma=journal_mode=WAL',
          '--sqlite-pragma=synchronous=NORMAL',
          '--log-level=warn',
          '--dynamic-config-value=system.enableActivityEagerExecution=true',
          '--dynamic-config-value=matching.enableFairness=true',
          ...searchAttributes.map((name) => `--search-attribute=${name}=Keyword`),
        ],
        // Collects garbage a quarter as often, within a limit: about a tenth less of its processor time.
        environment: { GOGC: '400', GOMEMLIMIT: '1GiB' },
        graceMilliseconds: 10_000,
      };
    },
    isReady: async () => {
      // Checks the port first: the CLI takes seconds to detect that nothing listens yet.
      await connects(ports.temporal);
      const list = ['operator', 'search-attribute', 'list', '--address', address, '--output', 'json'];
      const attributes = await runCommand(program, list, { timeout: 5000 });
      return searchAttributes.every((name) => attributes.includes(name));
    },
    readyWithin: 60_000,
    // Its database can begin to refuse every call ("interrupted"), which only a restart fixes.
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

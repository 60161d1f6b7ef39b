import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm, stat } from 'node:fs/promises';
import { Transform, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Kube } from '../../api/client';
import { PlatformError } from '../../api/errors';
import { runInPod } from '../../api/podCommand';
import { databasePodOf } from './pod';

export interface BackupReport {
  bytes: number;
  sha256: string;
}

/**
 * Writes a dump of a user's database to a file, which appears when it is whole: an exec can lose output and
 * still end well, so what arrived is compared with what was sent.
 * @throws PlatformError `Unavailable` when it did not arrive whole, `Rejected` with what pg_dump said
 */
export async function backUp(kube: Kube, userId: string, file: string): Promise<BackupReport> {
  const unfinished = `${file}.unfinished`;
  const { through, report } = measured();
  try {
    const written = pipeline(through, createWriteStream(unfinished, { mode: 0o600 }));
    const said = await runInPod(kube, {
      ...databasePodOf(userId),
      command: ['/opt/orchestration/backup.sh'],
      stdout: through,
    });
    through.end();
    await written;
    const received = report();
    const sent = said.trim().split('\n').at(-1);
    if (sent !== received.sha256)
      throw new PlatformError('Unavailable', `The dump of ${userId} did not arrive whole. Try again.`);
    await rename(unfinished, file);
    return received;
  } finally {
    through.destroy();
    await rm(unfinished, { force: true });
  }
}

/**
 * Replaces everything in a user's database by a dump, all or nothing.
 * @throws PlatformError `Unavailable` when the stream broke, `Rejected` with what PostgreSQL said
 */
export async function restore(kube: Kube, userId: string, file: string): Promise<BackupReport> {
  const { size: bytes } = await stat(file);
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  const sha256 = hash.digest('hex');
  await runInPod(kube, {
    ...databasePodOf(userId),
    command: ['/opt/orchestration/restore.sh', String(bytes), sha256],
    stdin: createReadStream(file, { highWaterMark: STDIN_PIECE_BYTES }),
    stdout: new Writable({ write: (_, __, done) => done() }),
  });
  return { bytes, sha256 };
}

/** What kubectl sends at most in one message: servers and proxies on the way expect no more. */
const STDIN_PIECE_BYTES = 32 * 1024;

/** Passes bytes on, and counts and hashes them. */
function measured() {
  const hash = createHash('sha256');
  let bytes = 0;
  const through = new Transform({
    transform(piece: Buffer, _, done) {
      hash.update(piece);
      bytes += piece.length;
      done(null, piece);
    },
  });
  return { through, report: (): BackupReport => ({ bytes, sha256: hash.digest('hex') }) };
}

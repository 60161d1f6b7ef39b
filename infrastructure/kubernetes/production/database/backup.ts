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
 * Writes a dump of a user's database to a file, which appears only when it is complete: an exec can lose
 * output and still succeed, so the received dump is compared with the checksum of the sent one.
 * @throws PlatformError `Unavailable` when the dump is incomplete, `Rejected` with the error of pg_dump
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
 * Replaces everything in a user's database with a dump, all or nothing.
 * @throws PlatformError `Unavailable` when the stream broke, `Rejected` with the error of PostgreSQL
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

/** The largest message that kubectl sends; servers and proxies in between expect no more. */
const STDIN_PIECE_BYTES = 32 * 1024;

/** Forwards bytes, and counts and hashes them. */
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

import { chunksOf, documentOf, lostDocument, CHUNK_BYTES, type OutputOrigin } from './outputDocuments';
import type { CallContext, OutputLog, TestRunner } from './ports';
import type { TruncatedOutput } from './testReport';

/** How much is read from the test pod at a time, in bytes: as much as it allows. */
const READ_BYTES = 16 * CHUNK_BYTES;

export interface StoredOutput {
  storedBytes: number;
  /** Bytes that the test pod no longer had. */
  lostBytes: number;
}

/**
 * Copies output that a report leaves out from the test pod to the log store. If the activity is retried, it starts from
 * the beginning and stores nothing twice.
 * @param isLastAttempt if the pod does not answer, give up and report its bytes as lost
 */
export async function copyOutput(
  { testRunner, outputLog }: { testRunner: TestRunner; outputLog: OutputLog },
  origin: OutputOrigin,
  truncated: TruncatedOutput[],
  context: CallContext,
  isLastAttempt: boolean,
): Promise<StoredOutput> {
  // An empty write fails if the store is unavailable, before any byte is read.
  await outputLog.write([]);
  const report = { storedBytes: 0, lostBytes: 0 };
  for (const output of truncated) {
    let { start } = output;
    while (start < output.end) {
      context.signal.throwIfAborted();
      context.heartbeat(report);
      const read = { ...output, start, end: Math.min(output.end, start + READ_BYTES) };
      const data = await readFrom(testRunner, origin.provenance.userId, read, isLastAttempt);
      // Less than was requested: the test pod does not have the rest.
      const isLast = start + data.length >= output.end || data.length < read.end - start;
      const chunks = chunksOf({ ...output, offset: start, data }, isLast);
      await outputLog.write(chunks.map((chunk) => documentOf(origin, chunk)));
      const stored = chunks.reduce((sum, chunk) => sum + chunk.data.length, 0);
      report.storedBytes += stored;
      start += stored;
      if (isLast && start < output.end) {
        await outputLog.write([lostDocument(origin, { ...output, start })]);
        report.lostBytes += output.end - start;
        break;
      }
    }
  }
  return report;
}

const NOTHING = Buffer.alloc(0);

/** @returns nothing if the bytes are lost */
async function readFrom(
  testRunner: TestRunner,
  userId: string,
  range: TruncatedOutput,
  isLastAttempt: boolean,
): Promise<Buffer> {
  try {
    const { buffer, byteOffset, byteLength } = await testRunner.read(userId, range);
    return Buffer.from(buffer, byteOffset, byteLength);
  } catch (error) {
    const { name } = error as Error;
    if (name === 'EnvironmentMissing' || (isLastAttempt && name === 'Unavailable')) return NOTHING;
    throw error;
  }
}

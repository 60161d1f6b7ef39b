import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { ReportProgress } from '../machine/progress';
import { checksumOfFile, type Algorithm } from './checksum';

/** A published file, and the URL of its published checksum. */
export interface Download {
  url: string;
  checksumUrl: string;
  algorithm: Algorithm;
}

/** The downloaded file does not match its published checksum. Always fatal: the next source is not tried. */
export class ChecksumError extends Error {
  constructor(url: string, algorithm: Algorithm, expected: string, actual: string) {
    super(`${url} has ${algorithm} ${actual}, and its publisher announces ${expected}. Nothing was kept.`);
    this.name = 'ChecksumError';
  }
}

/** Milliseconds until the headers of the response, after which the next source is tried. */
const responseTimeout = 4000;
/** Milliseconds without data after which the body of a response counts as failed. */
const stallTimeout = 30_000;

/**
 * Downloads a file and verifies its published checksum.
 * @param to path of the file; an existing one is replaced
 * @param report is called with the progress, such as `3 of 12 MB`
 * @throws ChecksumError when it does not match; Error when the download fails. There is no file at `to` then.
 */
export async function download(
  file: Download,
  to: string,
  report: ReportProgress = () => undefined,
): Promise<void> {
  try {
    const expected = await publishedChecksum(file);
    await receive(file.url, (body, length) => save(body, length, to, report));
    const actual = await checksumOfFile(to, file.algorithm);
    if (actual !== expected) throw new ChecksumError(file.url, file.algorithm, expected, actual);
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  }
}

/** Checksum files contain a bare checksum, or lines of `CHECKSUM  FILE`. */
async function publishedChecksum({ url, checksumUrl, algorithm }: Download): Promise<string> {
  const content = await receive(checksumUrl, (body) => text(body));
  const lines = content.trim().split('\n');
  const name = url.slice(url.lastIndexOf('/') + 1);
  const line = lines.length === 1 ? lines[0] : lines.find((candidate) => candidate.trim().endsWith(name));
  const checksum = line?.trim().split(/\s+/)[0]?.toLowerCase() ?? '';
  const length = algorithm === 'sha256' ? 64 : 128;
  if (!new RegExp(`^[0-9a-f]{${length}}$`).test(checksum))
    throw new Error(`${checksumUrl} contains no ${algorithm} for ${name}.`);
  return checksum;
}

async function save(
  body: Readable,
  length: number | undefined,
  to: string,
  report: ReportProgress,
): Promise<void> {
  let received = 0;
  body.on('data', (chunk: Buffer) => {
    received += chunk.length;
    report(`${megabytes(received)}${length ? ` of ${megabytes(length)}` : ''} MB`);
  });
  await pipeline(body, createWriteStream(to));
}

/**
 * Requests a URL and passes the body of the response to `consume`, which must start to read at once. Fails when
 * no data arrives for `stallTimeout`.
 */
async function receive<T>(
  url: string,
  consume: (body: Readable, length: number | undefined) => Promise<T>,
): Promise<T> {
  const { body, length, abort } = await open(url);
  const stalled = setTimeout(
    () => abort(new Error(`${url} sent nothing for ${stallTimeout / 1000} s.`)),
    stallTimeout,
  );
  try {
    return await consume(
      Readable.fromWeb(body).on('data', () => stalled.refresh()),
      length,
    );
  } finally {
    clearTimeout(stalled);
  }
}

/** Resolves with the response as soon as its headers have arrived. */
async function open(url: string) {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new Error(`no answer within ${responseTimeout / 1000} s`)),
    responseTimeout,
  );
  try {
    const response = await fetch(url, { signal: controller.signal });
    if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
    return {
      body: response.body as ReadableStream<Uint8Array>,
      length: Number(response.headers.get('content-length')) || undefined,
      abort: (reason: Error) => controller.abort(reason),
    };
  } catch (error) {
    const cause = (error as Error).cause;
    throw new Error(`${url}: ${(cause instanceof Error ? cause : (error as Error)).message}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

const megabytes = (bytes: number) => Math.round(bytes / 1e6);

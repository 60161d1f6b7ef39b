import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ReadableStream } from 'node:stream/web';
import type { Report } from '../machine/progress';
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

/** Milliseconds until the first byte of the response. */
const connectTimeout = 4000;
/** Milliseconds without data after which a download in progress fails. */
const stallTimeout = 30_000;

/**
 * Downloads a file and verifies its published checksum.
 * @throws ChecksumError when it does not match; Error when the download fails. Both delete the file.
 */
export async function download(file: Download, to: string, report: Report = () => undefined): Promise<void> {
  const expected = await publishedChecksum(file);
  try {
    await receive(file.url, to, report);
    const actual = await checksumOfFile(to, file.algorithm);
    if (actual !== expected) throw new ChecksumError(file.url, file.algorithm, expected, actual);
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  }
}

/** Checksum files contain a bare checksum, or lines of `CHECKSUM  FILE`. */
async function publishedChecksum({ url, checksumUrl, algorithm }: Download): Promise<string> {
  const { body } = await open(checksumUrl);
  const chunks = await Readable.fromWeb(body).toArray();
  const lines = Buffer.concat(chunks as Buffer[])
    .toString('utf8')
    .trim()
    .split('\n');
  const name = url.slice(url.lastIndexOf('/') + 1);
  const line = lines.length === 1 ? lines[0] : lines.find((candidate) => candidate.trim().endsWith(name));
  const checksum = line?.trim().split(/\s+/)[0]?.toLowerCase() ?? '';
  const length = algorithm === 'sha256' ? 64 : 128;
  if (!new RegExp(`^[0-9a-f]{${length}}$`).test(checksum))
    throw new Error(`${checksumUrl} holds no ${algorithm} for ${name}.`);
  return checksum;
}

async function receive(url: string, to: string, report: Report): Promise<void> {
  const { body, length, abort } = await open(url);
  let received = 0;
  const stalled = setTimeout(
    () => abort(new Error(`${url} sent nothing for ${stallTimeout / 1000} s.`)),
    stallTimeout,
  );
  const counted = Readable.fromWeb(body).on('data', (chunk: Buffer) => {
    received += chunk.length;
    stalled.refresh();
    report(`${megabytes(received)}${length ? ` of ${megabytes(length)}` : ''} MB`);
  });
  try {
    await pipeline(counted, createWriteStream(to));
  } finally {
    clearTimeout(stalled);
  }
}

async function open(url: string) {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new Error(`no answer within ${connectTimeout / 1000} s`)),
    connectTimeout,
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

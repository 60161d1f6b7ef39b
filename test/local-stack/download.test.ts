import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChecksumError, download } from '../../local-stack/artifacts/download';
import { FailedDownloads } from '../../local-stack/artifacts/failedDownloads';
import { firstThatWorks } from '../../local-stack/artifacts/sources';
import { Progress } from '../../local-stack/machine/progress';

const content = Buffer.alloc(300_000, 'program');
const sha256 = createHash('sha256').update(content).digest('hex');
const sha512 = createHash('sha512').update(content).digest('hex');

let directory: string;
let server: Server;
let base: string;
let pages: Record<string, string | Buffer>;
/** The page whose response stops after its first byte. */
let stalling: string | undefined;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'download-'));
  pages = { '/program': content };
  stalling = undefined;
  server = createServer((request, response) => {
    const page = pages[request.url ?? ''];
    response.statusCode = page === undefined ? 404 : 200;
    if (request.url === stalling) response.write('x');
    else response.end(page);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
  rmSync(directory, { recursive: true });
});

const file = (algorithm: 'sha256' | 'sha512' = 'sha256') => ({
  url: `${base}/program`,
  checksumUrl: `${base}/checksum`,
  algorithm,
});

test.each([
  ['a bare checksum', 'sha256', `${sha256}\n`],
  ['a line of sha512sum', 'sha512', `${sha512}  program\n`],
  ['a list of files', 'sha256', `${'0'.repeat(64)}  other\n${sha256}  program\n`],
] as const)('keeps a file whose checksum is published as %s', async (_, algorithm, text) => {
  pages['/checksum'] = text;
  const details: string[] = [];
  await download(file(algorithm), join(directory, 'file'), (detail) => details.push(detail));
  expect(readFileSync(join(directory, 'file')).equals(content)).toBe(true);
  expect(details.length).toBeGreaterThan(0);
});

test('does not keep a file with another checksum, and says both', async () => {
  pages['/checksum'] = 'f'.repeat(64);
  const failure = await download(file(), join(directory, 'file')).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ChecksumError);
  expect((failure as Error).message).toContain(sha256);
  expect((failure as Error).message).toContain('f'.repeat(64));
  expect(existsSync(join(directory, 'file'))).toBe(false);
});

test('says which address gave which HTTP status', async () => {
  await expect(download(file(), join(directory, 'file'))).rejects.toThrow(`${base}/checksum: HTTP 404`);
});

test('a checksum file that names no checksum for the file is an error', async () => {
  pages['/checksum'] = '<html>hello</html>';
  await expect(download(file(), join(directory, 'file'))).rejects.toThrow('contains no sha256 for program');
});

test('a download that fails before the file is requested deletes an older file', async () => {
  writeFileSync(join(directory, 'file'), 'older');
  await expect(download(file(), join(directory, 'file'))).rejects.toThrow('HTTP 404');
  expect(existsSync(join(directory, 'file'))).toBe(false);
});

test.each(['/checksum', '/program'])(
  'a response to %s that stops in the middle is an error',
  async (page) => {
    pages['/checksum'] = sha256;
    stalling = page;
    const setTimer = setTimeout;
    const timers = jest
      .spyOn(global, 'setTimeout')
      .mockImplementation((call, delay) => setTimer(call, delay === 30_000 ? 100 : delay));
    try {
      await expect(download(file(), join(directory, 'file'))).rejects.toThrow(
        `${base}${page} sent nothing for 30 s`,
      );
    } finally {
      timers.mockRestore();
    }
    expect(existsSync(join(directory, 'file'))).toBe(false);
  },
);

describe('sources', () => {
  const silent = new Progress({ write: () => true, isTTY: false, columns: 80 });
  const options = () => ({ cacheDirectory: directory, progress: silent });

  test('a download that cannot be had is passed over, and not tried again the next time', async () => {
    let tries = 0;
    const sources = [
      { title: 'installed', find: () => Promise.resolve(undefined) },
      {
        title: 'download',
        url: `${base}/program`,
        find: () => {
          tries += 1;
          return Promise.reject(new Error('no route'));
        },
      },
      { title: 'build', find: () => Promise.resolve('built') },
    ];
    expect(await firstThatWorks('It', sources, options())).toBe('built');
    expect(await firstThatWorks('It', sources, options())).toBe('built');
    expect(tries).toBe(1);
  });

  test('a wrong checksum is never passed over', async () => {
    const wrong = new ChecksumError('url', 'sha256', 'a', 'b');
    const sources = [
      { title: 'download', url: 'url', find: () => Promise.reject(wrong) },
      { title: 'build', find: () => Promise.resolve('built') },
    ];
    await expect(firstThatWorks('It', sources, options())).rejects.toBe(wrong);
  });

  test('the failure of a build is an error', async () => {
    const sources = [{ title: 'build', find: () => Promise.reject(new Error('does not compile')) }];
    await expect(firstThatWorks('It', sources, options())).rejects.toThrow('does not compile');
  });

  test('a failure is forgotten after a day, and at once when asked', async () => {
    await new FailedDownloads(directory, {}).add('url');
    expect(new FailedDownloads(directory, {}).has('url')).toBe(true);
    expect(new FailedDownloads(directory, {}).has('url', Date.now() + 25 * 3600 * 1000)).toBe(false);
    expect(new FailedDownloads(directory, { ORCHESTRATION_RETRY_DOWNLOADS: '1' }).has('url')).toBe(false);
  });
});

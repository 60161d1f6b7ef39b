import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { MEDIA_TYPES, readProject, type ProjectFile } from './project';

/** pip's default index. */
const DEFAULT_INDEX = 'https://pypi.org/simple';

const MAX_PAGE_BYTES = 32 * 1024 * 1024;
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** Timeouts in milliseconds for a page, for a file, and for the check whether the index is available. */
const PAGE_DEADLINE = 10_000;
const FILE_DEADLINE = 300_000;
const PROBE_DEADLINE = 5_000;

/** An error of the index, with the HTTP status for its client. */
export class UpstreamError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The index that pip uses on this machine. */
export async function findIndex(): Promise<string> {
  return process.env.PIP_INDEX_URL || (await configuredIndex()) || DEFAULT_INDEX;
}

async function configuredIndex(): Promise<string | undefined> {
  try {
    const args = ['-m', 'pip', 'config', 'get', 'global.index-url'];
    const { stdout } = await promisify(execFile)('python3', args, { timeout: PROBE_DEADLINE });
    return stdout.trim();
  } catch {
    // There is no Python, no pip, or no such setting: use pip's default.
    return undefined;
  }
}

/** An external package index. */
export class Upstream {
  private readonly base: string;
  private readonly authorization: string | undefined;

  /** @param index its URL, optionally with user and password */
  constructor(index: string) {
    const url = new URL(index);
    const { username, password } = url;
    if (username !== '') {
      const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
      this.authorization = `Basic ${Buffer.from(pair).toString('base64')}`;
    }
    url.username = url.password = '';
    this.base = url.href.replace(/\/?$/, '/');
  }

  /** Its URL without credentials. */
  get address(): string {
    return this.base;
  }

  /** @returns why the index cannot be used, or undefined when it can */
  async trouble(): Promise<string | undefined> {
    try {
      await (await this.get(new URL('pip/', this.base).href, PROBE_DEADLINE)).body?.cancel();
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** @param name normalized */
  async project(name: string): Promise<ProjectFile[]> {
    const response = await this.get(new URL(`${name}/`, this.base).href, PAGE_DEADLINE);
    const text = Buffer.concat(await collect(response, MAX_PAGE_BYTES)).toString('utf8');
    return readProject(text, response.headers.get('content-type') ?? '', response.url);
  }

  async file({ url }: ProjectFile): Promise<Buffer[]> {
    return collect(await this.get(url, FILE_DEADLINE), MAX_FILE_BYTES);
  }

  private async get(url: string, deadline: number): Promise<Response> {
    const headers: Record<string, string> = { accept: MEDIA_TYPES };
    if (this.authorization && new URL(url).origin === new URL(this.base).origin)
      headers.authorization = this.authorization;
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(deadline) }).catch(
      (error: Error) => {
        const cause = error.cause instanceof Error ? error.cause.message : error.message;
        throw new UpstreamError(502, `${url} cannot be reached: ${cause}`);
      },
    );
    if (response.ok) return response;
    await response.body?.cancel();
    throw new UpstreamError(response.status === 404 ? 404 : 502, `${url} answered ${response.status}`);
  }
}

async function collect(response: Response, most: number): Promise<Buffer[]> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += piece.length;
    if (size > most) throw new UpstreamError(502, `${response.url} has more than ${most} bytes`);
    pieces.push(Buffer.from(piece));
  }
  return pieces;
}

import { randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { FileCache } from '../packageIndex/fileCache';
import { normalized, writeProject, type ProjectFile } from '../packageIndex/project';
import { findIndex, Upstream, UpstreamError } from '../packageIndex/upstream';
import type { Part } from '../part';
import { statePaths, type Settings } from '../settings';

/** Milliseconds for which a list of files is cached. */
const PAGE_LIFE = 10 * 60_000;

/** Maximum lists in memory; the oldest is removed first. */
const MAX_PAGES = 500;

/**
 * A package index for the pods, which cannot reach any other: it serves packages of this machine's index, on
 * the host end of the veth pair. Tested code can reach it as well. So it requires a token, which only the
 * installer in a pod receives, and it only serves valid names of projects and files that these list. Even
 * with the token, a request therefore reveals nothing but a name to the outside.
 */
export class PackageIndex implements Part {
  readonly name = 'package-index';
  private readonly server = createServer((request, response) => void this.answer(request, response));
  private readonly files: FileCache;
  private readonly pages = new Map<string, { at: number; files: ProjectFile[] }>();

  constructor(
    private readonly address: { host: string; port: number },
    private readonly token: string,
    private readonly upstream: Upstream,
    cacheDirectory: string,
  ) {
    this.files = new FileCache(join(cacheDirectory, 'packages'), (file) => upstream.file(file));
  }

  /** The value of PACKAGE_INDEX_URL. */
  get url(): string {
    return `http://worker:${this.token}@${this.address.host}:${this.port}/simple`;
  }

  async start(): Promise<void> {
    this.server.listen(this.address.port, this.address.host);
    await once(this.server, 'listening');
  }

  ready(): Promise<void> {
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  private get port(): number {
    const bound = this.server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : this.address.port;
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      if (!this.knows(request.headers.authorization)) {
        response.setHeader('www-authenticate', 'Basic realm="packages"');
        throw new UpstreamError(401, 'The token of this index is missing or wrong.');
      }
      if (request.method !== 'GET') throw new UpstreamError(405, 'This index only answers GET.');
      await this.serve(request.url ?? '', response);
    } catch (error) {
      if (response.headersSent) return void response.destroy();
      response.writeHead(error instanceof UpstreamError ? error.status : 500, {
        'content-type': 'text/plain',
      });
      response.end(`${(error as Error).message}\n`);
    }
  }

  private async serve(path: string, response: ServerResponse): Promise<void> {
    const [, kind, project = '', filename = '', ...rest] = path.split('/');
    const name = normalized(project);
    if (name === undefined || rest.length > 0) throw new UpstreamError(404, 'There is no such page.');
    if (kind === 'simple' && filename === '') {
      const page = writeProject(await this.listed(name), (file) => `/files/${name}/${file}`);
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(page);
      return;
    }
    const listed = kind === 'files' ? await this.listed(name) : [];
    const file = listed.find((candidate) => candidate.filename === decodeURIComponent(filename));
    if (file === undefined) throw new UpstreamError(404, 'There is no such file.');
    const content = createReadStream(await this.files.path(file));
    response.writeHead(200, { 'content-type': 'application/octet-stream' });
    await pipeline(content, response);
  }

  private async listed(name: string): Promise<ProjectFile[]> {
    const known = this.pages.get(name);
    if (known && Date.now() - known.at < PAGE_LIFE) return known.files;
    const files = await this.upstream.project(name);
    this.pages.delete(name);
    this.pages.set(name, { at: Date.now(), files });
    if (this.pages.size > MAX_PAGES) this.pages.delete(this.pages.keys().next().value ?? '');
    return files;
  }

  private knows(authorization = ''): boolean {
    const wanted = Buffer.from(`Basic ${Buffer.from(`worker:${this.token}`).toString('base64')}`);
    const given = Buffer.from(authorization);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  }
}

/** The index for this stack's pods. Undefined, and reported, when this machine has no usable index. */
export async function usablePackageIndex(
  settings: Settings,
  say: (line: string) => void,
): Promise<PackageIndex | undefined> {
  const upstream = new Upstream(await findIndex());
  const trouble = await upstream.trouble();
  if (trouble !== undefined) {
    say(`Package installation is disabled: ${trouble}. PIP_INDEX_URL names another package index.`);
    return undefined;
  }
  const { network, ports, cacheDirectory } = settings;
  const address = { host: network.hostAddress, port: ports.packageIndex };
  return new PackageIndex(address, await ensureToken(settings), upstream, cacheDirectory);
}

/** Generated once per state directory: pods in production use it when they are restarted. */
async function ensureToken(settings: Settings): Promise<string> {
  const path = statePaths(settings).packageIndexToken;
  if (!existsSync(path)) await writeFile(path, randomBytes(24).toString('hex'), { mode: 0o600 });
  return readFileSync(path, 'utf8').trim();
}

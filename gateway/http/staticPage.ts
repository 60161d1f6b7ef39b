import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sendJson } from './json';
import type { Access } from '../auth/access';

/** Where `gateway/web/build.mjs` puts the page, relative to the sources and to the compiled code. */
const BUILT = [resolve(__dirname, '..', '..', 'dist', 'web'), resolve(__dirname, '..', '..', 'web')];

const TYPES: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** Links of the page: URLs as browsers reach them, or null. */
export interface PageLinks {
  temporal_ui: string | null;
  temporal_namespace: string;
  /** Whether programs are served under `/apps/`. */
  apps: boolean;
  kibana: string | null;
}

/**
 * Serves the page, its files, and `/config.json`. Ignores other requests, and requests for `/` that are not
 * from a browser.
 * @returns whether the request was one of them
 */
export type ServePage = (request: IncomingMessage, response: ServerResponse) => boolean;

/** Null if the page was not built. */
export function pageHandler(access: Access, links: PageLinks): ServePage | null {
  const folder = BUILT.find((candidate) => existsSync(join(candidate, 'index.html')));
  if (folder === undefined) return null;
  const index = readFileSync(join(folder, 'index.html'), 'utf8');
  const assets = readAssets(folder);

  return (request, response) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return false;
    const [path = '/'] = (request.url ?? '/').split('?', 1);
    if (path === '/' && /\btext\/html\b/.test(request.headers.accept ?? '')) {
      const nonce = randomBytes(16).toString('base64');
      response.writeHead(200, { ...pageHeaders(nonce), 'Content-Type': 'text/html; charset=utf-8' });
      response.end(index.replace('STYLE_NONCE', nonce));
      return true;
    }
    if (path === '/config.json') {
      const { refused } = access.identify(request);
      const body = refused ? { error: refused.error, message: refused.message } : links;
      sendJson(response, refused?.status ?? 200, body);
      return true;
    }
    const asset = assets.get(path);
    if (!asset) return false;
    const packed = /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''));
    response.writeHead(200, {
      'Content-Type': asset.type,
      // The names of the files change with their content.
      'Cache-Control': 'public, max-age=31536000, immutable',
      'X-Content-Type-Options': 'nosniff',
      Vary: 'Accept-Encoding',
      ...(packed && { 'Content-Encoding': 'gzip' }),
    });
    response.end(packed ? asset.gzip : asset.plain);
    return true;
  };
}

/** Only our own files run and are shown. The nonce is for the style sheets that the editor creates. */
function pageHeaders(nonce: string): Record<string, string> {
  const policy = [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ];
  return {
    'Content-Security-Policy': policy.join('; '),
    'Cache-Control': 'no-store',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Referrer-Policy': 'no-referrer',
    Vary: 'Accept',
    'X-Content-Type-Options': 'nosniff',
  };
}

interface Asset {
  type: string;
  plain: Buffer;
  gzip: Buffer;
}

function readAssets(folder: string): Map<string, Asset> {
  const names = existsSync(join(folder, 'assets')) ? readdirSync(join(folder, 'assets')) : [];
  return new Map<string, Asset>(
    names.map((name) => {
      const plain = readFileSync(join(folder, 'assets', name));
      const type = TYPES[extname(name)] ?? 'application/octet-stream';
      return [`/assets/${name}`, { type, plain, gzip: gzipSync(plain) }];
    }),
  );
}

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fastifyStatic from '@fastify/static';
import { z } from 'zod';
import type { Logger } from '../../infrastructure/logging';
import type { Access } from '../auth/access';
import type { Api } from './apiTypes';
import { answerFileError } from './error';
import { refuse } from './loginRoutes';

/** Where `gateway/web/build.mjs` puts the page, relative to the sources and to the compiled code. */
const BUILT = [resolve(__dirname, '..', '..', 'dist', 'web'), resolve(__dirname, '..', '..', 'web')];

/** Links of the page: URLs as browsers reach them, or null. */
export interface PageLinks {
  temporal_ui: string | null;
  temporal_namespace: string;
  kibana: string | null;
}

const INDEX = {
  name: 'Orchestration App',
  websocket: '/ws/code',
  submissions: '/api/submissions',
  languages: '/api/languages',
  reference: '/docs',
  openapi: '/openapi.json',
  asyncapi: '/asyncapi.json',
  schema: '/schema.json',
  health: '/healthz',
  readiness: '/readyz',
};

const YEAR_MS = 31_536_000_000;

/** The page, its files, and `/config.json`; for other clients than browsers, `/` is a list of addresses. */
export async function pageRoutes(
  api: Api,
  { access, links, logger }: { access: Access; links: PageLinks; logger: Logger },
): Promise<void> {
  const folder = BUILT.find((candidate) => existsSync(join(candidate, 'index.html')));
  if (folder === undefined) logger.warn('the page is not built: run `node gateway/web/build.mjs`');
  const page = folder && readFileSync(join(folder, 'index.html'), 'utf8');
  api.get(
    '/',
    {
      schema: {
        operationId: 'index',
        summary: 'Lists the addresses of this gateway',
        response: {
          200: {
            description: 'Addresses; for browsers, the page.',
            content: {
              'application/json': { schema: z.record(z.string(), z.string()) },
              'text/html': { schema: z.string() },
            },
          },
        },
      },
    },
    (request, reply) => {
      reply.header('Vary', 'Accept');
      if (page === undefined || !/\btext\/html\b/.test(request.headers.accept ?? '')) return INDEX;
      const nonce = randomBytes(16).toString('base64');
      reply.headers(pageHeaders(nonce)).type('text/html; charset=utf-8');
      return page.replace('STYLE_NONCE', nonce);
    },
  );
  api.get('/config.json', { schema: { hide: true } }, (request, reply) => {
    const { refused } = access.identify(request.raw);
    return refused ? refuse(reply, refused) : reply.send(links);
  });
  if (folder === undefined) return;
  await api.register(async (files) => {
    files.setErrorHandler(answerFileError);
    await files.register(fastifyStatic, {
      root: join(folder, 'assets'),
      prefix: '/assets/',
      schemaHide: true,
      decorateReply: false,
      // The names of the files change with their content.
      ...{ immutable: true, maxAge: YEAR_MS },
      preCompressed: true,
    });
  });
}

/** In addition to the headers of every answer: only our own files run and are shown. The nonce is for the style sheets that the editor creates. */
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
    'Cross-Origin-Opener-Policy': 'same-origin',
  };
}

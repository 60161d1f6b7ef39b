import { readFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps, type RequestOptions } from 'node:https';
import type { CertificateFiles } from '../cluster/certificateAuthority';

/** Timeout of a readiness check, in milliseconds. */
const patience = 2000;

/** For https: the certificate authority to trust, and a client certificate if the server requires one. */
export type Tls = { authority: string; client?: CertificateFiles } | 'unverified';

/** The HTTP status of the response to a GET. */
export async function httpStatus(url: string, tls?: Tls): Promise<number> {
  const options: RequestOptions = { timeout: patience, agent: false, ...tlsOptions(tls) };
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https:') ? requestHttps : requestHttp)(url, options, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('timeout', () => request.destroy(new Error(`${url} did not answer within ${patience} ms`)));
    request.on('error', reject);
    request.end();
  });
}

function tlsOptions(tls: Tls | undefined): RequestOptions {
  if (tls === undefined) return {};
  if (tls === 'unverified') return { rejectUnauthorized: false };
  const client = tls.client && {
    cert: readFileSync(tls.client.certificate),
    key: readFileSync(tls.client.key),
  };
  return { ca: readFileSync(tls.authority), ...client };
}

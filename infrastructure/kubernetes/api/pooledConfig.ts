import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isDeepStrictEqual } from 'node:util';
import { KubeConfig } from '@kubernetes/client-node';
import type { RequestContext } from '@kubernetes/client-node';

/**
 * How long an unused connection stays open, in milliseconds: less than the 90 s after which the API server closes it,
 * and short enough that a connection which was lost silently is soon replaced.
 */
const IDLE_MS = 20_000;

/**
 * A configuration whose requests share connections. The client library opens one for each request, whose TLS handshake
 * takes more processor time, on both sides, than most requests.
 */
export class PooledKubeConfig extends KubeConfig {
  #created: HttpAgent | null = null;
  #pooled: HttpAgent | null = null;

  override async applySecurityAuthentication(context: RequestContext): Promise<void> {
    await super.applySecurityAuthentication(context);
    const agent = context.getAgent();
    if (agent instanceof HttpAgent) context.setAgent(this.#pool(agent));
  }

  /** Used by watches and by logs. */
  override async applyToFetchOptions(
    options: Parameters<KubeConfig['applyToFetchOptions']>[0],
  ): ReturnType<KubeConfig['applyToFetchOptions']> {
    const applied = await super.applyToFetchOptions(options);
    return applied.agent instanceof HttpAgent ? { ...applied, agent: this.#pool(applied.agent) } : applied;
  }

  /** Connections end with the credentials that they were opened with: certificates may be renewed. */
  #pool(created: HttpAgent): HttpAgent {
    if (this.#pooled && this.#created && isDeepStrictEqual(optionsOf(created), optionsOf(this.#created)))
      return this.#pooled;
    const options = { ...optionsOf(created), keepAlive: true, timeout: IDLE_MS };
    if (created.constructor === HttpsAgent) this.#pooled = new HttpsAgent(options);
    else if (created.constructor === HttpAgent) this.#pooled = new HttpAgent(options);
    else return created; // An agent for a proxy.
    this.#created = created;
    return this.#pooled;
  }
}

function optionsOf(agent: HttpAgent): object {
  const { options } = agent as HttpAgent & { options: object };
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

import { readFileSync } from 'node:fs';

/** The variables that say where Elasticsearch is, how to get in, and the index of actions. */
export const ELASTICSEARCH_VARIABLES = [
  'ELASTICSEARCH_HOST',
  'ELASTICSEARCH_INDEX',
  'ELASTICSEARCH_CA_FILE',
  'ELASTICSEARCH_API_KEY',
] as const;

/** How Elasticsearch is reached, as its client takes it. */
export interface ElasticsearchAccess {
  /** URL, such as `http://elasticsearch:9200`. */
  node: string;
  auth?: { apiKey: string };
  tls?: { ca: Buffer };
}

/** @throws Error for an API key that would travel in the clear, or an authority without TLS */
export function accessTo(settings: {
  ELASTICSEARCH_HOST: string;
  ELASTICSEARCH_CA_FILE?: string | undefined;
  ELASTICSEARCH_API_KEY?: string | undefined;
}): ElasticsearchAccess {
  const {
    ELASTICSEARCH_HOST: node,
    ELASTICSEARCH_CA_FILE: authority,
    ELASTICSEARCH_API_KEY: apiKey,
  } = settings;
  const needsTls = apiKey !== undefined || authority !== undefined;
  if (needsTls && !node.startsWith('https:'))
    throw new Error(
      `ELASTICSEARCH_HOST is ${node}: ELASTICSEARCH_API_KEY and ELASTICSEARCH_CA_FILE need https.`,
    );
  return {
    node,
    ...(apiKey !== undefined && { auth: { apiKey } }),
    ...(authority !== undefined && { tls: { ca: readFileSync(authority) } }),
  };
}

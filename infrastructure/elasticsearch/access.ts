import { readFileSync } from 'node:fs';

/** The variables for Elasticsearch: its address, its credentials and the index of actions. */
export const ELASTICSEARCH_VARIABLES = [
  'ELASTICSEARCH_HOST',
  'ELASTICSEARCH_INDEX',
  'ELASTICSEARCH_CA_FILE',
  'ELASTICSEARCH_API_KEY',
] as const;

/** How to connect to Elasticsearch, in the form that its client expects. */
export interface ElasticsearchAccess {
  /** URL, such as `http://elasticsearch:9200`. */
  node: string;
  auth?: { apiKey: string };
  tls?: { ca: Buffer };
}

/** @throws Error when an API key or a certificate authority is set, but the address is not https */
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

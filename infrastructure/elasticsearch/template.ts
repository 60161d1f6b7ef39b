import type { Layout } from './layout';

export const keyword = { type: 'keyword', ignore_above: 1024 } as const;
export const date = { type: 'date' } as const;
export const text = { type: 'text' } as const;

export type TemplateLayout = Pick<Layout, 'patterns' | 'lifecycle'>;

/**
 * An index template. Fields that it does not name are stored but not indexed, so no document is rejected
 * because of their type.
 */
export function templateOf<Properties extends object>(
  name: string,
  { patterns, lifecycle }: TemplateLayout,
  properties: Properties,
) {
  return {
    name,
    index_patterns: patterns,
    // Higher than Elasticsearch's built-in templates for `logs-*`.
    priority: 500,
    template: {
      settings: {
        number_of_shards: 1,
        // A fixed replica would keep a single-node cluster yellow; Elasticsearch adds one when nodes join.
        auto_expand_replicas: '0-1',
        ...(lifecycle && { 'index.lifecycle.name': lifecycle.policy }),
      },
      mappings: { dynamic: false, properties },
      ...(lifecycle && { aliases: { [lifecycle.alias]: {} } }),
    },
  } as const;
}

export type IndexTemplate = ReturnType<typeof templateOf>;

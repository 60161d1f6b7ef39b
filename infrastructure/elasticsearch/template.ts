import type { Layout } from './layout';

export const keyword = { type: 'keyword', ignore_above: 1024 } as const;
export const date = { type: 'date' } as const;
export const text = { type: 'text' } as const;

export type TemplateLayout = Pick<Layout, 'patterns' | 'lifecycle'>;

/**
 * An index template. Fields that it does not name are stored and not indexed, so that no document can be refused for
 * their type.
 */
export function templateOf<Properties extends object>(
  name: string,
  { patterns, lifecycle }: TemplateLayout,
  properties: Properties,
) {
  return {
    name,
    index_patterns: patterns,
    // Above the templates for `logs-*` that Elasticsearch brings along.
    priority: 500,
    template: {
      settings: {
        number_of_shards: 1,
        // A replica would keep a single-node cluster yellow for ever; Elasticsearch adds one as nodes join.
        auto_expand_replicas: '0-1',
        ...(lifecycle && { 'index.lifecycle.name': lifecycle.policy }),
      },
      mappings: { dynamic: false, properties },
      ...(lifecycle && { aliases: { [lifecycle.alias]: {} } }),
    },
  } as const;
}

export type IndexTemplate = ReturnType<typeof templateOf>;

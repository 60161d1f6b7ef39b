export const keyword = { type: 'keyword', ignore_above: 1024 } as const;
export const date = { type: 'date' } as const;
export const text = { type: 'text' } as const;

/**
 * An index template. Fields that it does not name are stored and not indexed, so that no document can be refused for
 * their type.
 */
export function templateOf<Properties extends object>(index: string, properties: Properties) {
  return {
    name: index,
    index_patterns: [index],
    template: {
      // A replica would keep a single-node cluster yellow for ever; Elasticsearch adds one as nodes join.
      settings: { number_of_shards: 1, auto_expand_replicas: '0-1' },
      mappings: { dynamic: false, properties },
    },
  } as const;
}

/** The index template of action documents: fields of the Elastic Common Schema and a few of our own. */
export function actionsTemplate(index: string) {
  return templateOf(index, {
    '@timestamp': date,
    message: text,
    event: {
      properties: {
        action: keyword,
        outcome: keyword,
        reason: keyword,
        sequence: { type: 'integer' },
        start: date,
        end: date,
        duration: { type: 'long' },
      },
    },
    user: { properties: { id: keyword } },
    key: { properties: { id: keyword } },
    orchestrator: { properties: { type: keyword, namespace: keyword } },
    submission: { properties: { id: keyword, code_digest: keyword } },
    temporal: { properties: { workflow_id: keyword, run_id: keyword } },
  } as const);
}

export type IndexTemplate = ReturnType<typeof templateOf>;

/** Where documents are put that an index of actions cannot have. */
export function rejectedIndexOf(index: string): string {
  return `${index}-rejected`;
}

/** The index template of rejected documents: when, why, and the document as text. */
export function rejectedTemplate(index: string) {
  return templateOf(index, {
    '@timestamp': date,
    error: { properties: { type: keyword, message: text } },
    document: text,
  });
}

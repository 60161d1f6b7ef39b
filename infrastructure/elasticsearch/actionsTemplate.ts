import { date, keyword, templateOf, text, type TemplateLayout } from './template';

/**
 * The index template of action and audit documents. The fields are those of the Elastic Common Schema, plus
 * our own `submission`, `temporal`, `key` and `details`, names that the schema does not use.
 * test/infrastructure/elasticsearch/ecs.json lists the fields of the schema.
 */
export function actionsTemplate(index: string, layout: TemplateLayout) {
  return templateOf(index, layout, {
    '@timestamp': date,
    message: text,
    ecs: { properties: { version: keyword } },
    event: {
      properties: {
        id: keyword,
        kind: keyword,
        category: keyword,
        type: keyword,
        dataset: keyword,
        action: keyword,
        outcome: keyword,
        reason: keyword,
        sequence: { type: 'long' },
        start: date,
        end: date,
        duration: { type: 'long' },
      },
    },
    service: { properties: { name: keyword } },
    user: { properties: { id: keyword } },
    source: { properties: { ip: { type: 'ip', ignore_malformed: true } } },
    http: {
      properties: {
        request: { properties: { method: keyword } },
        response: { properties: { status_code: { type: 'long' } } },
      },
    },
    url: { properties: { path: keyword } },
    user_agent: { properties: { original: keyword } },
    error: { properties: { code: keyword, message: text } },
    trace: { properties: { id: keyword } },
    orchestrator: { properties: { type: keyword, namespace: keyword } },
    key: { properties: { id: keyword } },
    submission: { properties: { id: keyword, code_digest: keyword } },
    temporal: { properties: { workflow_id: keyword, run_id: keyword } },
  } as const);
}

/** The index for documents that an index of actions rejects. */
export function rejectedIndexOf(index: string): string {
  return `${index}-rejected`;
}

/** The index of audit documents, next to the index of actions. */
export function auditIndexOf(index: string): string {
  return `${index}-audit`;
}

/** The index template of rejected documents: when, why, and the document as text. */
export function rejectedTemplate(index: string) {
  return templateOf(
    index,
    { patterns: [index], lifecycle: null },
    {
      '@timestamp': date,
      error: { properties: { type: keyword, message: text } },
      document: text,
    },
  );
}

import { date, keyword, templateOf, text } from './template';

/** The index template of action documents: fields of the Elastic Common Schema and a few of our own. */
export function actionsTemplate(index: string) {
  return templateOf(index, [index], {
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

/** Where documents are put that an index of actions cannot have. */
export function rejectedIndexOf(index: string): string {
  return `${index}-rejected`;
}

/** The index template of rejected documents: when, why, and the document as text. */
export function rejectedTemplate(index: string) {
  return templateOf(index, [index], {
    '@timestamp': date,
    error: { properties: { type: keyword, message: text } },
    document: text,
  });
}

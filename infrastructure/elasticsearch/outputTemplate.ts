import { date, keyword, templateOf, text, type TemplateLayout } from './template';

/** The index of program output, next to an index of actions. */
export function outputIndexOf(index: string): string {
  return `${index}-output`;
}

/** The index template of program output: one document per piece of a stream, with its offset there. */
export function outputTemplate(index: string, layout: TemplateLayout) {
  return templateOf(index, layout, {
    '@timestamp': date,
    message: text,
    event: { properties: { action: keyword } },
    output: {
      properties: {
        step: keyword,
        stream: keyword,
        execution: keyword,
        offset: { type: 'long' },
        bytes: { type: 'long' },
        lost: { type: 'boolean' },
      },
    },
    user: { properties: { id: keyword } },
    key: { properties: { id: keyword } },
    orchestrator: { properties: { type: keyword, namespace: keyword } },
    submission: { properties: { id: keyword, code_digest: keyword } },
    temporal: { properties: { workflow_id: keyword, run_id: keyword } },
  } as const);
}

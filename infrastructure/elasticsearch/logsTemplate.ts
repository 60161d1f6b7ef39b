import { date, keyword, templateOf, text } from './template';

/** Name of the indices of pod logs, one a day: what forwarders write and `createLogHistory` reads. */
export const logsPatternOf = (prefix: string): string => `${prefix}-*`;

/**
 * The index template of lines that pods print. Forwarders (infrastructure/fluentd.yaml, the local stack's) write
 * them; an id made of pod, file, time and place makes a line that is sent again the same document.
 */
export function logsTemplate(prefix: string) {
  return templateOf(prefix, { patterns: [logsPatternOf(prefix)], lifecycle: null }, {
    // To the nanosecond: the order of lines, and where one goes on.
    '@timestamp': { type: 'date_nanos' },
    message: text,
    event: { properties: { created: date, dataset: keyword } },
    log: { properties: { level: keyword, offset: { type: 'long' } } },
    orchestrator: {
      properties: {
        type: keyword,
        namespace: keyword,
        resource: { properties: { name: keyword, type: keyword } },
      },
    },
    container: { properties: { id: keyword, name: keyword } },
    submission: { properties: { id: keyword } },
    trace: { properties: { id: keyword } },
    user: { properties: { id: keyword } },
    kubernetes: { properties: { labels: { type: 'object', enabled: false } } },
  } as const);
}

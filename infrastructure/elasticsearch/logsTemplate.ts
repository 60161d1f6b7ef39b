import { date, keyword, templateOf, text } from './template';

/** Pattern of the daily indices of pod logs, which forwarders write and `createLogHistory` reads. */
export const logsPatternOf = (prefix: string): string => `${prefix}-*`;

/**
 * The index template of lines that pods print. Forwarders write them: infrastructure/fluentd.yaml, and the
 * one of the local stack. The document id is derived from pod, file, time and position, so a line that is
 * sent again is the same document.
 */
export function logsTemplate(prefix: string) {
  return templateOf(prefix, { patterns: [logsPatternOf(prefix)], lifecycle: null }, {
    // In nanoseconds, to keep the order of lines and to continue after a given line.
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

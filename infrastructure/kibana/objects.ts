import {
  aggregation,
  dashboard,
  dataView,
  savedSearch,
  visualization,
  type SavedObject,
} from './savedObject';

/**
 * The platform's dashboards in Kibana, with the objects that they need.
 * @param names names of the indices, as configured in the worker and the gateway
 */
export function savedObjects(names: { actions: string; audit: string; logs: string }): SavedObject[] {
  const actions = dataView('orchestration-actions', 'Actions and audit', `${names.actions},${names.audit}`, {
    'event.duration': {
      id: 'duration',
      params: { inputFormat: 'nanoseconds', outputFormat: 'asMilliseconds' },
    },
  });
  const logs = dataView('orchestration-logs', 'Lines of pods', `${names.logs}-*`, {});
  const finished = 'event.action:"submission.finished"';
  const stages = 'event.action:stage.*';
  const { count, terms, histogram, average, percentiles, earliest, most } = aggregation;

  const byStatus = visualization(actions, 'Submissions by status', 'pie', finished, [
    count(),
    terms('segment', 'event.reason'),
  ]);
  const overTime = visualization(actions, 'Submissions over time', 'histogram', finished, [
    count(),
    histogram('segment'),
    terms('group', 'event.reason'),
  ]);
  const timeByStage = visualization(actions, 'Time by stage', 'table', stages, [
    count(),
    average('event.duration'),
    percentiles('event.duration', [50, 95, 99]),
    terms('bucket', 'event.action'),
  ]);
  const failures = visualization(actions, 'Failures by reason', 'horizontal_bar', 'event.outcome:failure', [
    count(),
    terms('segment', 'event.reason'),
    terms('group', 'event.action'),
  ]);
  const timeline = visualization(actions, 'Timeline of one submission', 'table', 'submission.id:*', [
    earliest('event.start'),
    most('event.duration'),
    terms('bucket', 'submission.id', 5),
    terms('bucket', 'event.action', 50),
    terms('bucket', 'event.outcome'),
  ]);
  const calls = visualization(actions, 'Calls by key', 'table', 'event.dataset:"orchestration.audit"', [
    count(),
    terms('bucket', 'event.action'),
    terms('bucket', 'event.outcome'),
    terms('bucket', 'key.id'),
    terms('bucket', 'source.ip'),
  ]);
  const ofSubmission = savedSearch(
    actions,
    'Actions of a submission',
    'submission.id:*',
    [
      ...[
        'submission.id',
        'event.sequence',
        'event.action',
        'event.outcome',
        'event.reason',
        'event.duration',
      ],
      ...['message', 'trace.id'],
    ],
    [
      ['@timestamp', 'asc'],
      ['event.sequence', 'asc'],
    ],
  );
  const lines = savedSearch(
    logs,
    'Lines of pods',
    'orchestrator.type:kubernetes',
    ['orchestrator.namespace', 'orchestrator.resource.name', 'container.name', 'message'],
    [
      ['@timestamp', 'desc'],
      ['log.offset', 'desc'],
    ],
  );
  return [
    ...[actions, logs, byStatus, overTime, timeByStage, failures, timeline, calls, ofSubmission, lines],
    dashboard('Submissions', 'By status, time and reason.', [byStatus, overTime, timeByStage, failures]),
    dashboard('One submission', 'Filter by submission.id: what was done for it, in order.', [
      timeline,
      ofSubmission,
    ]),
    dashboard('Audit', 'Who asked for what, and from where.', [calls]),
  ];
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { historyFromJSON } from '@temporalio/common/lib/proto-utils';
import { temporal } from '@temporalio/proto';
import type { Action, ActionTrail } from '../../../activities/actions';
import { decode, type HistoryEvent } from '../../../workflows/history/events';
import { trailOf } from '../../../workflows/history/trail';

/** Histories of workflows that recorded their actions themselves. */
const HISTORIES = join(__dirname, '../../replay/histories/0.2.0');
const EXECUTION = { workflowId: 'w', runId: 'r' };

/** As they come from a server: numbers of JSON are no `Long`. */
function eventsOf(name: string): HistoryEvent[] {
  const { History } = temporal.api.history.v1;
  const history = historyFromJSON(JSON.parse(readFileSync(join(HISTORIES, name), 'utf8')));
  return History.decode(History.encode(history).finish()).events;
}

const recordingIn = (events: HistoryEvent[]) =>
  events.find((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'recordActions');

const recorded = readdirSync(HISTORIES).flatMap((name) => {
  const events = eventsOf(name);
  const recording = recordingIn(events);
  if (!recording) return [];
  const [payload] = recording.activityTaskScheduledEventAttributes?.input?.payloads ?? [];
  return [{ name, events, recording, trail: decode(payload) as ActionTrail }];
});

/** The clock of a workflow stands still between its tasks, and one message has become longer since. */
const withoutTimes = (actions: Action[]) =>
  actions.map(({ startedAt: _, endedAt: __, message, ...action }) => {
    const compared = action.reason === 'timed_out' ? message?.slice(0, 40) : message;
    return JSON.parse(JSON.stringify({ ...action, message: compared })) as unknown;
  });

test.each(recorded)('$name tells the same as the workflow recorded', ({ events, recording, trail }) => {
  const others = events.filter((event) => event !== recording);
  const told = trailOf(EXECUTION, others);
  expect(withoutTimes(told!.actions)).toEqual(withoutTimes(trail.actions));
  expect(told!.provenance).toEqual({ ...trail.provenance, ...EXECUTION });
});

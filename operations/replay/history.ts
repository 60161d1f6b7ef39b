import type { temporal } from '@temporalio/proto';
import * as proto from '@temporalio/proto';
import { patchProtobufRoot } from '@temporalio/proto/lib/patch-protobuf-root';
import { Enum, MapField, type Field, type ReflectionObject, type Type } from 'protobufjs';

type Json = Record<string, unknown>;

/** The content of a history file: JSON of `temporal.api.history.v1.History`. */
export interface HistoryFile {
  events: Json[];
}

const historyType = (patchProtobufRoot(proto) as unknown as { lookupType(name: string): Type }).lookupType(
  'temporal.api.history.v1.History',
);

/**
 * Parses an exported history of `temporal workflow show --output json`, the Web UI, or tctl. In tctl's
 * format, enumerations have short names (`WorkflowExecutionStarted`), and the events may be a bare array.
 * @throws Error with the reason why the text is not a history
 */
export function parseHistory(text: string): HistoryFile {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as Error).message}`, { cause: error });
  }
  const events = Array.isArray(json) ? (json as unknown[]) : (json as { events?: unknown } | null)?.events;
  if (!Array.isArray(events) || events.length === 0) throw new Error('it has no list of events');
  const history = withFullNames(historyType, { events }) as unknown as HistoryFile;
  const type = history.events[0]?.eventType;
  if (type !== 'EVENT_TYPE_WORKFLOW_EXECUTION_STARTED')
    throw new Error(`its first event must be WorkflowExecutionStarted, and is ${JSON.stringify(type)}`);
  return history;
}

/** Replaces short names of enumerations with full names, everywhere in the message. */
function withFullNames(type: Type, message: Json): Json {
  return Object.fromEntries(
    Object.entries(message).map(([name, value]) => {
      const field = type.fields[name]?.resolve();
      return [name, field ? inFull(field, value) : value];
    }),
  );
}

function inFull(field: Field, value: unknown): unknown {
  const of = (each: unknown) => valueInFull(field.resolvedType, each);
  if (Array.isArray(value)) return value.map(of);
  if (field instanceof MapField && isObject(value))
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, of(each)]));
  return of(value);
}

function valueInFull(type: ReflectionObject | null, value: unknown): unknown {
  if (type instanceof Enum) return typeof value === 'string' ? fullName(type, value) : value;
  // Times, durations and payloads have special JSON formats, which contain no enumerations.
  return type !== null && isObject(value) ? withFullNames(type as Type, value) : value;
}

/** The full name: `Normal` of `TaskQueueKind` becomes TASK_QUEUE_KIND_NORMAL. */
function fullName({ name, values }: Enum, short: string): string {
  if (Object.hasOwn(values, short)) return short;
  const wanted = `${name}${short}`.toLowerCase();
  return Object.keys(values).find((full) => full.replaceAll('_', '').toLowerCase() === wanted) ?? short;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export type History = temporal.api.history.v1.IHistory;

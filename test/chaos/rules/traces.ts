import type { Observations, Violation } from '../observations';

/** Maximum number of ids in a message. */
const NAMED = 5;

/** Every action is in Elasticsearch exactly once. */
export function eachActionOnce({ actions }: Observations): Violation[] {
  const { expected, stored, different, rejected } = actions;
  const [asked, found] = [new Set(expected), new Set(stored)];
  return [
    ...told(
      'are missing',
      expected.filter((id) => !found.has(id)),
    ),
    ...told(
      'are of no action',
      stored.filter((id) => !asked.has(id)),
    ),
    ...told(
      'are there more than once',
      stored.filter((id, place) => stored.indexOf(id) !== place),
    ),
    ...told('say something else than the history', different),
    ...(rejected > 0 ? [{ rule: 'actions', text: `${rejected} documents were rejected` }] : []),
  ];
}

function told(what: string, ids: string[]): Violation[] {
  if (ids.length === 0) return [];
  const names = `${ids.slice(0, NAMED).join(', ')}${ids.length > NAMED ? ', …' : ''}`;
  return [{ rule: 'actions', text: `${ids.length} documents ${what}: ${names}` }];
}

/** No process, pod, ConfigMap or queue entry is left over. */
export function nothingLeft({ leftovers }: Observations): Violation[] {
  return leftovers.map((text) => ({ rule: 'nothing left', text }));
}

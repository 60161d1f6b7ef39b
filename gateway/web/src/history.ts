import { useEffect, useRef, useState } from 'preact/hooks';
import type { SubmissionList } from '../../protocol/submissionRecord';
import type { Language } from './editor';
import { call } from './session';

/** An earlier submission, as the list shows it. */
export interface Past {
  id: string;
  user: string;
  at: string;
  status: string;
  language: Language;
  /** The code that the list shows; empty if it was not submitted from this browser. */
  code: string;
  /** Whether it was submitted to be tested and not deployed. */
  testOnly?: boolean;
}

/** Which submissions to list. Empty fields match everything. Days are in the browser's time zone. */
export interface HistoryFilter {
  status: string;
  from: string;
  to: string;
}

export const ALL: HistoryFilter = { status: '', from: '', to: '' };

const MOST_KEPT = 50;
const nameOf = (user: string) => `submissions of ${user}`;

/** Submissions that this browser sent, the latest first. */
export function listKept(user: string): Past[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(nameOf(user)) ?? '[]');
    return Array.isArray(kept) ? (kept as Past[]) : [];
  } catch {
    return [];
  }
}

/** Stores a submission, or replaces what was stored about it. */
export function keep(past: Past): void {
  const known = listKept(past.user);
  const isNew = known.every(({ id }) => id !== past.id);
  const all = isNew ? [past, ...known] : known.map((each) => (each.id === past.id ? past : each));
  try {
    localStorage.setItem(nameOf(past.user), JSON.stringify(all.slice(0, MOST_KEPT)));
  } catch {
    // The storage is full or disabled. The list is then lost when the page is closed.
  }
}

interface Page {
  past: Past[];
  /** Token of the next page; null if there is none. */
  next: string | null;
}

/** Reads a page of a user's submissions, from any client, and adds what this browser stored about each. */
async function readPage(user: string, filter: HistoryFilter, page: string | null): Promise<Page> {
  const query = new URLSearchParams({ user });
  if (filter.status !== '') query.set('status', filter.status);
  const { since, until } = momentsOf(filter);
  if (since) query.set('since', since.toISOString());
  if (until) query.set('until', until.toISOString());
  if (page !== null) query.set('page', page);
  const { submissions, next_page: next } = (await call('GET', `/api/submissions?${query}`)) as SubmissionList;
  const kept = new Map(listKept(user).map((past) => [past.id, past]));
  const past = submissions.map(({ submission_id: id, status, accepted_at: at }) => {
    const known = kept.get(id) ?? { id, user, status, language: 'python' as const, code: '' };
    // The list lags by about a second: a verdict that was already seen here takes precedence.
    return { ...known, at, status: known.status === 'running' ? status : known.status };
  });
  return { past, next };
}

/** From the beginning of the first day until the end of the last. */
function momentsOf({ from, to }: HistoryFilter): { since: Date | null; until: Date | null } {
  const since = from === '' ? null : new Date(`${from}T00:00`);
  const until = to === '' ? null : new Date(`${to}T00:00`);
  until?.setDate(until.getDate() + 1);
  return { since, until };
}

/** Submissions that this browser sent and that match the filter. */
function keptOf(user: string, filter: HistoryFilter): Past[] {
  const { since, until } = momentsOf(filter);
  return listKept(user).filter(({ status, at }) => {
    const moment = new Date(at);
    const isThen = (!since || moment >= since) && (!until || moment < until);
    return isThen && (filter.status === '' || filter.status === status);
  });
}

/** Merges lists. Later entries replace earlier ones with the same id. The latest submission comes first. */
function merged(...lists: Past[][]): Past[] {
  const all = new Map(lists.flat().map((past) => [past.id, past]));
  return [...all.values()].sort((one, other) => other.at.localeCompare(one.at));
}

export interface History {
  past: Past[];
  filter: HistoryFilter;
  setFilter: (filter: HistoryFilter) => void;
  /** Whether the platform answered. If not, the list contains only what this browser stored. */
  isWhole: boolean;
  /** Reads older submissions; null if there are no more, or while they are being read. */
  readOlder: (() => void) | null;
  /** Reads the latest submissions again. */
  refresh: () => void;
  /** Adds a submission that is being sent. */
  add: (past: Past) => void;
}

/** The submissions of a user, read page by page on request. */
export function useHistory(user: string): History {
  const [filter, setFilter] = useState(ALL);
  const [list, setList] = useState<Page>({ past: listKept(user), next: null });
  const [isWhole, setWhole] = useState(true);
  const [isReading, setReading] = useState(false);
  /** Identifies what is shown. A response about something else is too late, and is ignored. */
  const subject = useRef({});

  useEffect(() => {
    subject.current = {};
    setList({ past: keptOf(user, filter), next: null });
    void read(null, newest);
  }, [user, filter]);

  async function read(place: string | null, take: (page: Page, before: Page) => Page) {
    if (user === '') return;
    const asked = subject.current;
    setReading(true);
    const page = await readPage(user, filter, place).catch(() => null);
    if (subject.current !== asked) return;
    setReading(false);
    setWhole(page !== null);
    if (page !== null) setList((before) => take(page, before));
  }

  /**
   * Adds submissions that were just sent and are not listed yet. Not if a status is selected: this browser
   * does not know how a submission ended that is not on this page.
   */
  const newest = ({ past, next }: Page): Page => {
    return { past: merged(filter.status === '' ? keptOf(user, filter) : [], past), next };
  };
  /** Keeps older pages that were already read. */
  const again = (page: Page, before: Page): Page => {
    const now = newest(page);
    return page.next === null ? now : { past: merged(before.past, now.past), next: before.next };
  };
  const older = (page: Page, before: Page): Page => {
    return { past: merged(before.past, page.past), next: page.next };
  };

  const { past, next } = list;
  return {
    past,
    filter,
    setFilter,
    isWhole,
    readOlder: next === null || isReading ? null : () => void read(next, older),
    refresh: () => void read(null, again),
    add: (sent) => {
      keep(sent);
      setList((before) => ({ ...before, past: merged(before.past, [sent]) }));
    },
  };
}

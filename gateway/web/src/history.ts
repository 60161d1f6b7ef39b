import { useEffect, useRef, useState } from 'preact/hooks';
import type { SubmissionList } from '../../protocol/submissionRecord';
import { call } from './session';

/** An earlier submission, as the list shows it. Its fields are those in the browser's storage. */
export interface PastSubmission {
  id: string;
  user: string;
  at: string;
  status: string;
  /** The name of its language; undefined if it was not submitted from this browser. */
  language?: string;
  /** The name of the file with `code`; undefined if an earlier version of the page stored it. */
  entrypoint?: string;
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

export const NO_FILTER: HistoryFilter = { status: '', from: '', to: '' };

const MAX_STORED = 50;
const storageKey = (user: string) => `submissions of ${user}`;

/** Submissions that this browser sent, the latest first. */
export function listStored(user: string): PastSubmission[] {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(storageKey(user)) ?? '[]');
    return Array.isArray(stored) ? (stored as PastSubmission[]) : [];
  } catch {
    return [];
  }
}

/** Stores a submission, or replaces what was stored about it. */
export function storeSubmission(submission: PastSubmission): void {
  const stored = listStored(submission.user);
  const isNew = stored.every(({ id }) => id !== submission.id);
  const all = isNew
    ? [submission, ...stored]
    : stored.map((each) => (each.id === submission.id ? submission : each));
  try {
    localStorage.setItem(storageKey(submission.user), JSON.stringify(all.slice(0, MAX_STORED)));
  } catch {
    // The storage is full or disabled. The list is then lost when the page is closed.
  }
}

interface Page {
  submissions: PastSubmission[];
  /** Token of the next page; null if there is none. */
  nextPage: string | null;
}

/** Reads a page of a user's submissions, from any client, and adds what this browser stored about each. */
async function readPage(user: string, filter: HistoryFilter, pageToken: string | null): Promise<Page> {
  const query = new URLSearchParams({ user });
  if (filter.status !== '') query.set('status', filter.status);
  const { since, until } = timeRange(filter);
  if (since) query.set('since', since.toISOString());
  if (until) query.set('until', until.toISOString());
  if (pageToken !== null) query.set('page', pageToken);
  const list = (await call('GET', `/api/submissions?${query}`)) as SubmissionList;
  const storedById = new Map(listStored(user).map((submission) => [submission.id, submission]));
  const submissions = list.submissions.map(({ submission_id: id, status, accepted_at: at }) => {
    const stored = storedById.get(id) ?? { id, user, status, code: '' };
    // The list lags by about a second: a verdict that was already seen here takes precedence.
    return { ...stored, at, status: stored.status === 'running' ? status : stored.status };
  });
  return { submissions, nextPage: list.next_page };
}

/** From the beginning of the first day until the end of the last. */
function timeRange({ from, to }: HistoryFilter): { since: Date | null; until: Date | null } {
  const since = from === '' ? null : new Date(`${from}T00:00`);
  const until = to === '' ? null : new Date(`${to}T00:00`);
  until?.setDate(until.getDate() + 1);
  return { since, until };
}

/** Submissions that this browser sent and that match the filter. */
function listMatching(user: string, filter: HistoryFilter): PastSubmission[] {
  const { since, until } = timeRange(filter);
  return listStored(user).filter(({ status, at }) => {
    const time = new Date(at);
    const isInRange = (!since || time >= since) && (!until || time < until);
    return isInRange && (filter.status === '' || filter.status === status);
  });
}

/** Merges lists. Later entries replace earlier ones with the same id. The latest submission comes first. */
function merge(...lists: PastSubmission[][]): PastSubmission[] {
  const byId = new Map(lists.flat().map((submission) => [submission.id, submission]));
  return [...byId.values()].sort((a, b) => b.at.localeCompare(a.at));
}

export interface History {
  submissions: PastSubmission[];
  filter: HistoryFilter;
  setFilter: (filter: HistoryFilter) => void;
  /** Whether the platform answered. If not, the list contains only what this browser stored. */
  isComplete: boolean;
  /** Reads older submissions; null if there are no more, or while they are being read. */
  readOlder: (() => void) | null;
  /** Reads the latest submissions again. */
  refresh: () => void;
  /** Adds a submission that is being sent. */
  add: (submission: PastSubmission) => void;
}

/** The submissions of a user, read page by page on request. */
export function useHistory(user: string): History {
  const [filter, setFilter] = useState(NO_FILTER);
  const [list, setList] = useState<Page>({ submissions: listStored(user), nextPage: null });
  const [isComplete, setComplete] = useState(true);
  const [isReading, setReading] = useState(false);
  /** Identifies the user and filter that are shown. A response about others is too late, and is ignored. */
  const selection = useRef({});

  useEffect(() => {
    selection.current = {};
    setList({ submissions: listMatching(user, filter), nextPage: null });
    void read(null, withStored);
  }, [user, filter]);

  async function read(pageToken: string | null, combine: (page: Page, previous: Page) => Page) {
    if (user === '') return;
    const requested = selection.current;
    setReading(true);
    const page = await readPage(user, filter, pageToken).catch(() => null);
    if (selection.current !== requested) return;
    setReading(false);
    setComplete(page !== null);
    if (page !== null) setList((previous) => combine(page, previous));
  }

  /**
   * Adds submissions that were just sent and are not listed yet. Not if a status is selected: this browser
   * does not know how a submission ended that is not on this page.
   */
  const withStored = ({ submissions, nextPage }: Page): Page => {
    const stored = filter.status === '' ? listMatching(user, filter) : [];
    return { submissions: merge(stored, submissions), nextPage };
  };
  /** Keeps older pages that were already read. */
  const refreshed = (page: Page, previous: Page): Page => {
    const latest = withStored(page);
    if (page.nextPage === null) return latest;
    return { submissions: merge(previous.submissions, latest.submissions), nextPage: previous.nextPage };
  };
  const withOlder = (page: Page, previous: Page): Page => {
    return { submissions: merge(previous.submissions, page.submissions), nextPage: page.nextPage };
  };

  const { submissions, nextPage } = list;
  return {
    submissions,
    filter,
    setFilter,
    isComplete,
    readOlder: nextPage === null || isReading ? null : () => void read(nextPage, withOlder),
    refresh: () => void read(null, refreshed),
    add: (submission) => {
      storeSubmission(submission);
      setList((previous) => ({ ...previous, submissions: merge(previous.submissions, [submission]) }));
    },
  };
}

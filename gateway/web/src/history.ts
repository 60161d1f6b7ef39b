import type { Language } from './editor';

/** A submission of before, as the list shows it. */
export interface Past {
  id: string;
  user: string;
  at: string;
  status: string;
  language: Language;
  code: string;
}

const MOST = 50;
const nameOf = (user: string) => `submissions of ${user}`;

/** Submissions of a user, the latest first. They are kept in this browser. */
export function listSubmissions(user: string): Past[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(nameOf(user)) ?? '[]');
    return Array.isArray(kept) ? (kept as Past[]) : [];
  } catch {
    return [];
  }
}

/** Adds a submission, or takes the place of what was kept of it. */
export function keep(past: Past): void {
  const known = listSubmissions(past.user);
  const isNew = known.every(({ id }) => id !== past.id);
  const all = isNew ? [past, ...known] : known.map((each) => (each.id === past.id ? past : each));
  try {
    localStorage.setItem(nameOf(past.user), JSON.stringify(all.slice(0, MOST)));
  } catch {
    // Full, or forbidden by the browser: the list is then of this visit only.
  }
}

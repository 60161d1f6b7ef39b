import type { Language } from './editor';
import { call } from './session';

/** A submission of before, as the list shows it. */
export interface Past {
  id: string;
  user: string;
  at: string;
  status: string;
  language: Language;
  /** What the list shows of it; empty for what was submitted elsewhere. */
  code: string;
}

const MOST = 50;
const nameOf = (user: string) => `submissions of ${user}`;

/** Those that this browser sent, the latest first. */
export function listKept(user: string): Past[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(nameOf(user)) ?? '[]');
    return Array.isArray(kept) ? (kept as Past[]) : [];
  } catch {
    return [];
  }
}

/** Adds a submission, or takes the place of what was kept of it. */
export function keep(past: Past): void {
  const known = listKept(past.user);
  const isNew = known.every(({ id }) => id !== past.id);
  const all = isNew ? [past, ...known] : known.map((each) => (each.id === past.id ? past : each));
  try {
    localStorage.setItem(nameOf(past.user), JSON.stringify(all.slice(0, MOST)));
  } catch {
    // Full, or forbidden by the browser: the list is then of this visit only.
  }
}

interface Listed {
  submission_id: string;
  user_id: string;
  status: string;
  accepted_at: string;
}

/** A user's submissions as the platform knows them, wherever they came from, with those that this browser kept. */
export async function listAll(user: string): Promise<Past[]> {
  const path = `/api/submissions?user=${encodeURIComponent(user)}&limit=${MOST}`;
  const { submissions } = (await call('GET', path)) as { submissions: Listed[] };
  const all = new Map(listKept(user).map((past) => [past.id, past]));
  for (const { submission_id: id, status, accepted_at: at } of submissions) {
    const known = all.get(id) ?? { id, user, language: 'python', code: '' };
    // The list follows what happens by a second: a verdict that was seen here stands.
    const seen = 'status' in known && known.status !== 'running' ? known.status : status;
    all.set(id, { ...known, at, status: seen });
  }
  return [...all.values()].sort((one, other) => other.at.localeCompare(one.at)).slice(0, MOST);
}

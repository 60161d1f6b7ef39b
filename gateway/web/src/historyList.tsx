import { NO_FILTER, type History, type HistoryFilter, type PastSubmission } from './history';
import { VERDICTS } from './results';

const STATUSES = ['running', ...Object.keys(VERDICTS)];

interface HistoryListProps {
  history: History;
  current: string | null;
  onOpen: (id: string) => void;
  /** Compares a submission with the submission that is open. */
  onCompare: (id: string) => void;
}

export function HistoryList({ history, current, onOpen, onCompare }: HistoryListProps) {
  const { submissions, filter, setFilter, isComplete, readOlder } = history;
  const isFiltered = Object.values(filter).some((value) => value !== '');
  return (
    <section class="card" aria-labelledby="history-title">
      <h2 id="history-title">History</h2>
      <Filter filter={filter} onChange={setFilter} />
      <ul class="history">
        {submissions.map((submission) => (
          <li key={submission.id}>
            <button
              type="button"
              class="open"
              onClick={() => onOpen(submission.id)}
              aria-current={submission.id === current}
            >
              <Row submission={submission} />
            </button>
            {current !== null && submission.id !== current && submission.status !== 'running' && (
              <button
                type="button"
                aria-label={`Compare with ${submission.id}`}
                onClick={() => onCompare(submission.id)}
              >
                Compare
              </button>
            )}
          </li>
        ))}
      </ul>
      {submissions.length === 0 && (
        <p class="muted">{isFiltered ? 'No submissions match.' : 'Nothing yet.'}</p>
      )}
      {readOlder && (
        <button type="button" onClick={readOlder}>
          Show older ones
        </button>
      )}
      {!isComplete && <p class="muted">The platform does not answer: these were sent from this browser.</p>}
    </section>
  );
}

function Row({ submission: { id, at, status, code } }: { submission: PastSubmission }) {
  return (
    <>
      <span class={`badge ${status}`}>{status.replaceAll('_', ' ')}</span>
      <time dateTime={at}>{formatTime(new Date(at))}</time>
      <code>{code.trim().split('\n', 1)[0] || id}</code>
    </>
  );
}

/** Formats a time, without the date if it is today. */
function formatTime(at: Date): string {
  const isToday = at.toDateString() === new Date().toDateString();
  return isToday
    ? at.toLocaleTimeString()
    : at.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}

interface FilterProps {
  filter: HistoryFilter;
  onChange: (filter: HistoryFilter) => void;
}

function Filter({ filter, onChange }: FilterProps) {
  const { status, from, to } = filter;
  return (
    <div class="controls">
      <label>
        Status
        <select
          value={status}
          onChange={(event) => onChange({ ...filter, status: event.currentTarget.value })}
        >
          <option value="">all</option>
          {STATUSES.map((each) => (
            <option key={each} value={each}>
              {each.replaceAll('_', ' ')}
            </option>
          ))}
        </select>
      </label>
      <label>
        From
        <input
          type="date"
          value={from}
          {...(to !== '' && { max: to })}
          onChange={(event) => onChange({ ...filter, from: event.currentTarget.value })}
        />
      </label>
      <label>
        To
        <input
          type="date"
          value={to}
          {...(from !== '' && { min: from })}
          onChange={(event) => onChange({ ...filter, to: event.currentTarget.value })}
        />
      </label>
      {(status !== '' || from !== '' || to !== '') && (
        <button type="button" onClick={() => onChange(NO_FILTER)}>
          Show all
        </button>
      )}
    </div>
  );
}

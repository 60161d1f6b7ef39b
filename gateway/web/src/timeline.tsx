import { useEffect, useState } from 'preact/hooks';
import type { StageFrame } from './frames';
import { hasEnded, hasStageEnded, type Run } from './run';

/** The label of each stage. Any other stage is shown by its own name. */
export const STAGE_NAMES: Record<string, string> = {
  prepare_environment: 'Prepare the environment',
  run_tests: 'Run the tests',
  await_turn: 'Wait for its turn',
  apply_database: 'Apply the database',
  migrate: 'Migrate the database',
  apply_program: 'Apply the program',
  await_rollout: 'Roll out',
  roll_back: 'Roll back',
};

const STATES: Record<StageFrame['state'], string> = {
  started: 'running',
  completed: 'done',
  deferred: 'waits for the environment',
  failed: 'failed',
  cancelled: 'cancelled',
  retrying: 'being tried again',
  queued: 'waiting for the test pod',
  executed_again: 'running again',
};

const TICK_MS = 200;

/** The stages with their durations, which keep counting for stages in progress. */
export function Timeline({ run }: { run: Run }) {
  const isRunning = !hasEnded(run);
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isRunning) return;
    const timer = setInterval(() => setNow(Date.now()), TICK_MS);
    return () => clearInterval(timer);
  }, [isRunning]);
  const durations = run.stages.map((stage) => stageDuration(stage, now));
  const longest = Math.max(1, ...durations);

  return (
    <section class="card" aria-labelledby="timeline-title">
      <h2 id="timeline-title">Stages</h2>
      <ol class="timeline">
        {run.stages.map((stage, index) => {
          const ms = durations[index] ?? 0;
          return (
            <li key={index} class={hasStageEnded(stage) ? stage.state : 'started'}>
              <span class="name">{STAGE_NAMES[stage.stage] ?? stage.stage}</span>
              <span class="state">
                {STATES[stage.state]}
                {stage.position !== undefined && `, ${stage.position} before it`}
                {(stage.attempt ?? 1) > 1 && `, attempt ${stage.attempt}`}
              </span>
              <span class="time">{formatDuration(ms)}</span>
              <span
                class="bar"
                style={{ width: `${Math.max(1, (100 * ms) / longest)}%` }}
                aria-hidden="true"
              />
              {stage.message && <span class="message">{stage.message}</span>}
            </li>
          );
        })}
      </ol>
      {run.stages.length === 0 && <p class="muted">Nothing began yet.</p>}
      {run.rollout && (
        <p>
          Rollout: {run.rollout.outcome}
          {run.rollout.message && `. ${run.rollout.message}`}
        </p>
      )}
    </section>
  );
}

function stageDuration(stage: StageFrame, now: number): number {
  return stage.duration_ms ?? Math.max(0, now - Date.parse(stage.at));
}

export function formatDuration(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

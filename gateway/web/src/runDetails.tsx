import { Compare } from './compare';
import { LiveInput } from './liveInput';
import { Output } from './output';
import { Tests, Verdict } from './results';
import { RollBack } from './rollback';
import { hasEnded, type Run } from './run';
import type { Links } from './session';
import { Timeline } from './timeline';

interface RunDetailsProps {
  user: string;
  run: Run;
  links: Links;
  /** The earlier submission to compare it to; null for none. */
  comparedTo: string | null;
  onCloseCompare: () => void;
  /** Sends input to the program. @returns false if there is no connection */
  onInput: (data: string, eof: boolean) => boolean;
}

/** Everything about the submission that is open. */
export function RunDetails({ user, run, links, comparedTo, onCloseCompare, onInput }: RunDetailsProps) {
  return (
    <>
      <Verdict run={run} links={links} />
      {run.final?.status === 'deployed' && <RollBack key={run.id} user={user} submissionId={run.id} />}
      {comparedTo !== null && <Compare earlier={comparedTo} later={run.id} onClose={onCloseCompare} />}
      <Timeline run={run} />
      <Tests tests={run.tests.length > 0 ? run.tests : run.cases} total={run.cases.at(-1)?.total} />
      <Output
        output={run.output}
        fullOutputUrl={run.final && `/api/submissions/${encodeURIComponent(run.id)}/output`}
      />
      {run.input && !hasEnded(run) && <LiveInput input={run.input} notice={run.notice} onSend={onInput} />}
    </>
  );
}

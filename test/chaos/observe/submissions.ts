import { OrchestrationClient } from '../../../client';
import type { FaultsOf } from '../../integration/contract';
import { follow } from '../follower';
import type { Injected } from '../injector';
import type { Sent } from '../load';
import type { SeenFinal, SeenSubmission } from '../observations';
import type { Platform } from '../platform';
import type { Execution } from '../tally';
import type { KnownSubmission } from './temporal';

/** What the observers of a submission know. */
export interface Evidence {
  platform: Platform;
  faultsOf: FaultsOf;
  known: Map<string, KnownSubmission>;
  executions: Execution[];
  faults: Injected[];
  logged: Map<string, SeenFinal>;
}

/** An ended submission's final frame is sent at once; on two busy cores within this time, in milliseconds. */
const TOLD_WITHIN_MS = 60_000;
/** How many submissions are requested concurrently. */
const AT_ONCE = 6;

/** Collects what every observer reports on every submission. */
export async function readSubmissions(sent: Sent[], evidence: Evidence): Promise<SeenSubmission[]> {
  const seen: SeenSubmission[] = [];
  const left = [...sent.entries()];
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) seen[next[0]] = await readOne(next[1], evidence);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return seen;
}

async function readOne(sent: Sent, evidence: Evidence): Promise<SeenSubmission> {
  const { id, user, submission, followed, cancelAsked } = sent;
  const { platform, faultsOf } = evidence;
  const known = evidence.known.get(id);
  const asked = { apiKey: platform.apiKey, submissionId: id, message: null, drops: null, faultsOf };
  const [over, result] = await Promise.all([
    follow({ ...asked, urls: [...platform.urls].reverse(), deadline: Date.now() + TOLD_WITHIN_MS }),
    resultOf(platform, id),
  ]);
  const clients = followed.map(({ final }, place) => finalOf(`client ${place + 1}`, final));
  const { verdict, attribute, closed } = known ?? {};
  const finals = [
    ...clients,
    finalOf('a client afterwards', over.final),
    finalOf('HTTP', result),
    verdict && { observer: "Temporal's memo", status: verdict.status, reason: verdict.reason },
    attribute && {
      observer: "Temporal's search attribute",
      status: attribute,
      reason: verdict?.reason ?? null,
    },
    closed && { observer: 'the workflow', status: closed, reason: verdict?.reason ?? null },
    evidence.logged.get(id),
  ].filter((final) => !!final);
  const mine = evidence.executions.filter(({ submissionId }) => submissionId === id);
  const inTests = mine.filter(({ pod }) => pod === `${user}-test`);
  return {
    ...{ id, user, kind: submission.kind, truth: submission.truth, finals },
    acceptedAt: known?.input.acceptedAt ?? null,
    cancelAsked: cancelAsked || submission.cancelAfter !== null,
    observers: [
      ...followed.map((_, place) => `client ${place + 1}`),
      ...['a client afterwards', 'HTTP', "Temporal's memo", "Temporal's search attribute", 'the workflow'],
      'Elasticsearch',
    ],
    followed: followed.map(({ frames }) => frames),
    replayed: over.final ? over.frames : null,
    complaints: [...followed, over].flatMap(({ complaints }) => complaints),
    executions: submission.units.map((unit) => ({
      unit,
      times: inTests.filter((execution) => execution.unit === unit).length,
    })),
    migrations: mine.filter(({ unit }) => unit === 'migration').length,
    testStages: known?.testStages ?? 0,
    toldExecutedAgain: verdict?.tests?.executedAgain ?? null,
    executionLost: evidence.faults.some(
      (fault) =>
        fault.executionsLost &&
        (fault.user ?? user) === user &&
        fault.at >= sent.sentAt - TOLD_WITHIN_MS &&
        fault.at <= (sent.endedAt ?? Infinity),
    ),
  };
}

function finalOf(observer: string, frame: object | null): SeenFinal | null {
  if (frame === null || !('status' in frame)) return null;
  const { status, reason } = frame as { status: string; reason: string };
  return { observer, status, reason, whole: sorted(frame) };
}

/** Returns the same text for equal frames. */
function sorted(frame: object): string {
  return JSON.stringify(
    Object.fromEntries(Object.entries(frame).sort(([one], [other]) => (one < other ? -1 : 1))),
  );
}

async function resultOf({ urls, apiKey }: Platform, id: string): Promise<object | null> {
  const [url = ''] = urls;
  const { result } = await new OrchestrationClient({ url, key: apiKey }).status(id);
  return result;
}

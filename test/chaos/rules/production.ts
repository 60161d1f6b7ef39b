import type { Observations, SeenDeploy, Violation } from '../observations';

/** The live program is that of the last accepted submission that was deployed. */
export function lastAcceptedIsLive({ users }: Observations): Violation[] {
  return users.flatMap(({ user, deploys, productionLost, live, current, answer, expectedAnswer }) => {
    const violation = (text: string): Violation => ({ rule: 'live', text: `${user}: ${text}` });
    const last = [...deploys].sort(byAcceptance).at(-1)?.submissionId ?? null;
    const lost = live === null && productionLost;
    return [
      ...(live !== last && !lost
        ? [violation(`live is ${live}, and ${last} was the last that was deployed`)]
        : []),
      ...(live !== null && current !== live
        ? [violation(`${live} is live, and ${current} is specified`)]
        : []),
      ...(expectedAnswer !== null && answer !== expectedAnswer
        ? [violation(`${answer} answers, and ${expectedAnswer} should`)]
        : []),
    ];
  });
}

function byAcceptance(one: SeenDeploy, other: SeenDeploy): number {
  return Date.parse(one.acceptedAt) - Date.parse(other.acceptedAt);
}

import type { Observations, Violation } from './observations';
import { executed, toldExecutions } from './rules/executions';
import { eachFrameOnce } from './rules/frames';
import { lastAcceptedIsLive } from './rules/production';
import { eachActionOnce, nothingLeft } from './rules/traces';
import { oneVerdict, trueVerdict } from './rules/verdicts';

/** All promises that were violated. */
export function check(observations: Observations): Violation[] {
  return [
    oneVerdict,
    trueVerdict,
    toldExecutions,
    executed,
    eachFrameOnce,
    lastAcceptedIsLive,
    eachActionOnce,
    nothingLeft,
  ].flatMap((rule) => rule(observations));
}

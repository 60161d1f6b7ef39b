import { DATABASE_CONTAINER, PROGRAM_CONTAINER } from '../production/names';
import { RUNNER_CONTAINER } from '../testPod/names';

/** What of a user has a log: the test pod, the program in production (with its migrations), its database. */
export const LOG_PARTS = ['test', 'prod', 'db'] as const;

export type LogPart = (typeof LOG_PARTS)[number];

/** The container that prints the log. Stored lines are found by its name. */
export const CONTAINER_OF: Record<LogPart, string> = {
  test: RUNNER_CONTAINER,
  prod: PROGRAM_CONTAINER,
  db: DATABASE_CONTAINER,
};

/** Label selector of the pods, in the user's namespace. */
export const SELECTOR_OF: Record<LogPart, string> = {
  test: 'app=test',
  prod: 'app=prod,component in (program,migration)',
  db: 'app=prod,component=db',
};

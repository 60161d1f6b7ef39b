import { parseArgs } from 'node:util';
import { UsageError } from './exitCodes';

export const USAGE = `Usage: orchestration-app COMMAND ...
  submit FILE|DIR [--follow] [--user USER] [--language NAME] [--entrypoint FILE] [--stdin FILE]
                  [--tests FILE] [--test-only] [--worker] [--id ID] [--interactive] [--set FIELD=VALUE]...
                       submits a file, or a folder; --tests names a JSON file with what the field tests takes;
                       --test-only tests it and does not deploy it;
                       --worker is for a program that keeps running and serves no port;
                       --interactive follows it, and hands on what it is typed or piped while it runs;
                       --set sets any field of the submission, to JSON or else to text: --set deploy=false,
                       --set 'limits={"wall_seconds": 5}', --set migrate=migrate.py
  logs USER|ID [--part test|prod|db] [--follow] [--since 10m|TIME] [--tail N] [--stream stdout|stderr]
                       what a user's pods print and printed, those that are gone included; of a submission without
                       --part what it printed in its tests, while it runs
  status ID [--wait SECONDS]
  list [--user USER | --all-users] [--status STATUS] [--since 10m|TIME] [--until 10m|TIME] [--limit N] [--page PAGE]
                       your submissions, the latest first; --all-users needs an admin key
  cancel ID
  live USER            what is in production
  rollback USER ID     deploys an earlier submission again
  open [ID]            opens the page in a browser, with that submission
  help, --version
A folder is submitted without hidden files, virtual environments, node_modules, __pycache__ and files that are not text.
--json prints JSON, one object a line.
ORCHESTRATION_URL, ORCHESTRATION_KEY (or API_KEY) and ORCHESTRATION_USER say where, with which key and for whom; or
url, key and user in ~/.config/orchestration-app/config.json, which only you may read (chmod 600).
Exit codes: 0 done, deployed or tests_passed, 1 tests_failed, 2 wrong usage, 3 deploy_failed, 4 superseded, 5 cancelled,
6 the platform failed, 7 the gateway refused, 8 no gateway could be reached.`;

const OPTIONS = {
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
  'all-users': { type: 'boolean' },
  follow: { type: 'boolean' },
  interactive: { type: 'boolean' },
  'test-only': { type: 'boolean' },
  worker: { type: 'boolean' },
  user: { type: 'string' },
  language: { type: 'string' },
  entrypoint: { type: 'string' },
  stdin: { type: 'string' },
  tests: { type: 'string' },
  id: { type: 'string' },
  stream: { type: 'string' },
  wait: { type: 'string' },
  status: { type: 'string' },
  since: { type: 'string' },
  until: { type: 'string' },
  limit: { type: 'string' },
  page: { type: 'string' },
  part: { type: 'string' },
  tail: { type: 'string' },
  set: { type: 'string', multiple: true },
} as const;

export type OptionValues = ReturnType<typeof parseArguments>['values'];

/** The options of each command, in addition to `json`. */
export const COMMAND_OPTIONS: Record<string, (keyof typeof OPTIONS)[]> = {
  submit: [
    'follow',
    'interactive',
    'test-only',
    'worker',
    'user',
    'language',
    'entrypoint',
    'stdin',
    'tests',
    'id',
    'set',
  ],
  logs: ['stream', 'part', 'follow', 'since', 'tail'],
  status: ['wait'],
  list: ['user', 'all-users', 'status', 'since', 'until', 'limit', 'page'],
  cancel: [],
  live: [],
  rollback: [],
  open: [],
};

/** @throws UsageError for unknown options */
export function parseArguments(args: string[]) {
  try {
    return parseArgs({ args, allowPositionals: true, options: OPTIONS });
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

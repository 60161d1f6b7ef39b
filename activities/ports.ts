/**
 * What the activities need from the outside, in the words of the domain. Adapters in infrastructure/ take these types
 * from here, and nothing else; the worker puts the two together.
 *
 * An adapter reports a failure of the platform by throwing an Error whose `name` is one of
 * {@link PlatformFailure}: Temporal carries that name as the failure's type, and retry policies go by it.
 * What the user's code did is never thrown: it is a value in the report.
 */

/** Names of errors that adapters throw, and what the workflow does about each. */
export type PlatformFailure =
  /** The namespace or its test pod is not there or cannot run anything: prepare it, then run again. */
  | 'EnvironmentMissing'
  /** The request can never succeed as it stands (a rejected manifest, a quota, missing rights): not retried. */
  | 'Rejected'
  /** Other runs of the same user come first: wait for a turn outside of the pod, then run `in_turn`. */
  | 'TestPodBusy'
  /** A server did not answer, a stream broke, a record was cut short: retried. */
  | 'Unavailable';

/** Who caused a change: written on every object that a submission makes. */
export interface Provenance {
  userId: string;
  submissionId: string;
  workflowId: string;
  runId: string;
  /** SHA-256 of the submission's code, in hexadecimal. */
  codeDigest: string;
  /** Id of the key in whose name it was done, if one was needed. */
  keyId?: string | undefined;
}

/** How long a call may go on, and how it says that it is alive. */
export interface CallContext {
  /** Aborted when the activity is cancelled, its worker shuts down, or its time is up. */
  signal: AbortSignal;
  /** Tells Temporal that the call is alive; shown in the Web UI while it is pending. */
  heartbeat(details?: unknown): void;
}

/** Code as it is tested and deployed. */
export interface Program {
  /** Name of a folder of sandbox/languages, such as `python`. */
  language: string;
  /** Text of each file by its name. */
  files: Record<string, string>;
  /** Which of the files is run. */
  entrypoint: string;
  /** Packages that it needs beside those of the image, in the words of its language's installer. */
  requirements: string[];
  /** One of the files, run once in production's image with DATABASE_URL before a rollout; none when null. */
  migrate?: string | null;
  /** What it is started with in production, as in its tests; with nothing when absent. */
  given?: Pick<RunInput, 'stdin' | 'args'>;
  /** Whether it served on $PORT in its tests: in production it is not ready before it does. */
  serves?: boolean;
}

/** What a program is given when it runs in the test pod. */
export interface RunInput {
  stdin: string;
  args: string[];
  env: Record<string, string>;
  /** Whether more of `stdin` may come while it runs; otherwise it ends with what is here. */
  interactive?: boolean;
}

/** One run of the program whose output is known. The expectation never enters the pod. */
export interface TestCase {
  name: string;
  stdin: string;
  args: string[];
  expectedStdout: string;
}

/** Tests that a submission brings. */
export type Tests =
  | { kind: 'cases'; cases: TestCase[] }
  /** Files for a test framework of the language, such as `pytest`, beside the program's own. */
  | { kind: 'framework'; framework: string; files: Record<string, string> };

/** Limits of one run. The test pod enforces them; what they may be at most is the worker's configuration. */
export interface RunLimits {
  /** Wall time of the program, in milliseconds. */
  wallMs: number;
  /** Address space of each process, in bytes. */
  memoryBytes: number;
  /** Output kept of each stream, in bytes: the first half and the last half; what lies between is counted. */
  keepOutputBytes: number;
  /** Output of both streams together, in bytes, at which the run is stopped. */
  maxOutputBytes: number;
}

/** One execution of one command in the test pod. */
export interface RunRequest {
  /** Names the run for its whole life: a second request with the same key joins the first execution. */
  key: string;
  userId: string;
  submissionId: string;
  program: Program;
  /** Name of a command of the language: `run`, or a test framework. */
  command: string;
  input: RunInput;
  limits: RunLimits;
  /** Absent: as long as it takes. */
  wait?: RunWait;
}

/**
 * How a run waits for its turn in the test pod. `brief`: about a second, then it fails with `TestPodBusy`. `in_turn`: it
 * was given its turn by the queue of its user, and goes before those that wait briefly.
 */
export type RunWait = 'brief' | 'in_turn';

/** Why a run ended as it did. Only `passed` is a pass; all are the program's doing, never the platform's. */
export type RunOutcome =
  | 'passed'
  | 'syntax_error'
  | 'failed'
  | 'timed_out'
  | 'out_of_memory'
  | 'too_much_output'
  | 'too_many_processes'
  | 'killed_by_signal';

/** What one stream printed. */
export interface CapturedOutput {
  /** The text kept, decoded as UTF-8; where bytes were left out in the middle, a line says how many. */
  text: string;
  /** How many bytes were printed in all. */
  bytes: number;
  truncated: boolean;
  /** Where they were left out: the head is `text` before `end`, the tail is `text` from `start` on. */
  gap?: { end: number; start: number };
  /** The bytes kept, for a stream that is not UTF-8 and whose `text` is therefore only like it. */
  base64?: { head: string; tail: string };
}

/** A finished run, as measured from outside the program. */
export interface RunReport {
  outcome: RunOutcome;
  /** Exit code of the program, or null if a signal ended it or it never started. */
  exitCode: number | null;
  /** Name of the signal that ended it (such as SIGKILL), or null. */
  signal: string | null;
  /** True when it passed because it served on `$PORT`, and was stopped then. */
  serving: boolean;
  wallMs: number;
  cpuMs: number;
  peakMemoryBytes: number;
  stdout: CapturedOutput;
  stderr: CapturedOutput;
  /** What a test framework reported, a JSON object a line; empty for other commands. Written by tested code. */
  report: string;
  /** The language's own words for what went wrong: message, and the file and line it points at. */
  error: { message: string; file: string | null; line: number | null } | null;
  /** Where it listened when its time was up, such as `127.0.0.1:5000`; absent when nowhere. */
  listens?: string[];
  /** UID of the pod that ran it. */
  podUid: string;
  /** Names the execution: another one on a retry means that the run was executed again. */
  executionId: string;
}

export interface RunContext extends CallContext {
  /**
   * Told each time when it is known where the input of an interactive run stands, as when it begins or is joined.
   * @param received bytes that came beside those of the request
   */
  onInput?: (received: number) => void;
  /**
   * Told each time that the run is joined.
   * @param since when the pod's supervisor began, in milliseconds since the epoch: it knows of no execution before
   */
  onSupervisor?: (since: number) => void;
}

/** Input for an interactive run: bytes that begin at `offset` of all that it is fed beside its request's own. */
export interface InputFeed {
  /** Of the run, as it was asked for. */
  key: string;
  offset: number;
  /** In base64, one after the other. */
  pieces: string[];
  /** Whether nothing comes after them. */
  eof: boolean;
}

/** Where the input of a run stands after a feed. Null when there is no such run any more, or it has ended. */
export type InputPlace = { received: number } | null;

/** Bytes of a stream of a run, from `start` on and before `end`. */
export interface OutputRange {
  /** Of the run, as it was asked for. */
  key: string;
  stream: 'stdout' | 'stderr';
  start: number;
  end: number;
}

export interface TestRunner {
  /** Runs a submission in its user's test pod. Throws `EnvironmentMissing`, `Unavailable` or `TestPodBusy`. */
  run(request: RunRequest, context: RunContext): Promise<RunReport>;
  /** Gives a run more input; what it has already is not given again. Throws as `run` does. */
  feed(userId: string, feed: InputFeed): Promise<InputPlace>;
  /** Bytes that a run printed, fewer than asked for when the rest is not kept, none when nothing is. Throws as `run` does. */
  read(userId: string, range: OutputRange): Promise<Uint8Array>;
  /** Puts a line about a submission into its test pod's log. Never throws; a line may be lost. */
  say(userId: string, submissionId: string, text: string): void;
}

export interface EnvironmentReport {
  namespace: string;
  /** What had to be made or repaired, such as `Pod/test-test`; empty when all was there. */
  changed: string[];
}

export interface Environments {
  /** Makes or repairs the user's namespace, quota, limits, network policy and test pod; ends when the pod is ready. */
  ensure(userId: string, context: CallContext): Promise<EnvironmentReport>;
  /** Deletes the user's namespace with everything in it, production included; ends when it is gone. */
  remove(userId: string, context: CallContext): Promise<void>;
}

/** What Temporal remembers of a workflow. */
export interface WorkflowRecord {
  input: unknown;
  memo: Record<string, unknown>;
}

export interface WorkflowRecords {
  /** @returns null when there is no such workflow, or it was forgotten after the namespace's retention */
  read(workflowId: string): Promise<WorkflowRecord | null>;
}

export interface DatabaseReport {
  /** Name of the StatefulSet, such as `test-prod-db`. */
  name: string;
  /** True when this call made it. */
  created: boolean;
}

/** How a database came to the PostgreSQL of new ones. */
export interface UpgradeReport {
  /** Its major version before; null when there was nothing to upgrade. */
  from: string | null;
  to: string;
  /** How many tables and rows were found before and after. */
  tables: number;
  rows: number;
}

/** A program that is, or was, in production. */
export interface DeployedProgram {
  submissionId: string;
  workflowId: string;
  runId: string;
  codeDigest: string;
  /** Name of the immutable ConfigMap that holds its files. */
  configMap: string;
}

export interface ProgramRequest {
  provenance: Provenance;
  program: Program;
}

export interface ProgramReport {
  program: DeployedProgram;
  /** What was live before this call, or null on a first deploy. A repeat of the call gives the same. */
  previous: DeployedProgram | null;
}

export interface RolloutRequest {
  userId: string;
  program: DeployedProgram;
  /** How long the program may take to be ready once a pod has started it, in milliseconds. */
  deadlineMs: number;
}

/** How a rollout ended. `failed` and `superseded` are answers, not errors. */
export interface RolloutReport {
  outcome: 'live' | 'failed' | 'superseded';
  /** Why it failed, as a stable word: `crash_loop`, `image_error`, `quota`, `unschedulable`, `deadline_exceeded` ... */
  reason: string | null;
  /** The same in a sentence for people. */
  message: string | null;
  /** Recent Kubernetes events about it, newest last; for failures. */
  events: string[];
  /** Last lines that the new program printed; for failures. */
  logs: string;
}

export interface RollbackRequest {
  userId: string;
  /** The program whose rollout failed. */
  failed: DeployedProgram;
  /** What to restore, or null when there was nothing: then the failed program is taken away. */
  previous: DeployedProgram | null;
  deadlineMs: number;
}

export interface RollbackReport {
  /** What is live now. */
  live: DeployedProgram | null;
}

/** How the migration of a submission went. `failed` is an answer, not an error. */
export interface MigrationReport {
  outcome: 'passed' | 'failed';
  /** Null when it never ran to its end. */
  exitCode: number | null;
  /** Why it failed, in a sentence for people; null when it passed. */
  message: string | null;
  events: string[];
  /** Last lines that it printed. */
  logs: string;
  /** What is in production, and stays so when it failed. */
  live: DeployedProgram | null;
}

/** What a user has in production. */
export interface LiveReport {
  /** Of a program that is live, whether it is ready now: one that fails later is started again by Kubernetes,
   * one that has completed may be put to sleep. */
  state: 'nothing' | 'rolling_out' | 'ready' | 'completed' | 'not_ready' | 'asleep';
  /** The program that became live last and is still the one wanted; null when nothing is. */
  live: DeployedProgram | null;
  /** Since when, ISO 8601. */
  since: string | null;
  /** A program that is on its way to take the place of the live one. */
  rollingOut: DeployedProgram | null;
}

export interface Production {
  /** What is live. Changes nothing. */
  inspect(userId: string): Promise<LiveReport>;
  /** Takes the program away and waits until it is gone. Its files, its address and the database stay. */
  stop(userId: string, context: CallContext): Promise<void>;
  /** Deletes the program with its files and address; on request also the database with its volume. */
  remove(userId: string, what: { database: boolean }, context: CallContext): Promise<void>;
  /** Runs a submission's migration once, however often it is called, and waits for its end. */
  migrate(request: ProgramRequest, context: CallContext): Promise<MigrationReport>;
  /** Removes what a migration left behind. */
  removeMigration(userId: string, submissionId: string): Promise<void>;
  /** Applies the database with its password, volume and service, and waits until it accepts connections. */
  applyDatabase(provenance: Provenance, context: CallContext): Promise<DatabaseReport>;
  /** Brings the database to the PostgreSQL of new ones; the data of before stay on its volume. A repeat continues. */
  upgradeDatabase(userId: string, context: CallContext): Promise<UpgradeReport>;
  /** Deletes the data that an upgrade left. @returns major versions of what was deleted */
  discardOldData(userId: string): Promise<string[]>;
  /** Applies the program; does not wait for it. */
  applyProgram(request: ProgramRequest, context: CallContext): Promise<ProgramReport>;
  /** Watches until the program is live, cannot become so, or was replaced. */
  awaitRollout(request: RolloutRequest, context: CallContext): Promise<RolloutReport>;
  /** Restores what was live before, and waits for it. The database is never touched. */
  rollBack(request: RollbackRequest, context: CallContext): Promise<RollbackReport>;
}

/** Databases for the tests of submissions, apart from what production has. Each user's database must be there. */
export interface TestDatabases {
  /**
   * Makes one for a submission, or finds the one made before.
   * @param anew whether what an earlier execution left in it goes
   * @returns variables for the tests, DATABASE_URL among them: they hold a password
   */
  open(userId: string, submissionId: string, what: { anew: boolean }): Promise<Record<string, string>>;
  /** Drops it with everything in it; does nothing when there is none. */
  drop(userId: string, submissionId: string): Promise<void>;
}

/** A document as it is stored in Elasticsearch: an action, a piece of output, a call; `_id` makes a repeated write the same document. */
export interface LogDocument {
  _id: string;
  '@timestamp': string;
  [field: string]: unknown;
}

export interface ActionLog {
  /**
   * Stores every document exactly once, however often it is called; those that it can never store it puts aside.
   * Throws `Unavailable` until it could.
   */
  write(documents: LogDocument[]): Promise<{ rejected: number }>;
}

/** Keeps what programs printed, in pieces; stores as {@link ActionLog} does. */
export type OutputLog = ActionLog;

/**
 * The ports: what the activities need from outside systems, in domain terms. Adapters in infrastructure/
 * import only these types; the worker connects the two.
 *
 * An adapter reports a platform failure by throwing an Error whose `name` is a {@link PlatformFailure}.
 * Temporal uses that name as the failure type, and retry policies depend on it. The behavior of the user's
 * code is never thrown: it is a value in the report.
 */

/** Names of the errors that adapters throw, and how the workflow handles each. */
export type PlatformFailure =
  /** The namespace or its test pod does not exist or cannot run anything: prepare it, then run again. */
  | 'EnvironmentMissing'
  /**
   * The request can never succeed in this form (an invalid manifest, a quota, missing rights): not retried.
   */
  | 'Rejected'
  /** Other runs of the same user come first: wait for a turn outside the pod, then run `in_turn`. */
  | 'TestPodBusy'
  /** A server did not answer, a stream broke, or a record was incomplete: retried. */
  | 'Unavailable';

/** Who caused a change. It is written to every object that a submission creates. */
export interface Provenance {
  userId: string;
  submissionId: string;
  workflowId: string;
  runId: string;
  /** SHA-256 of the submission's code, in hexadecimal. */
  codeDigest: string;
  /** The id of the key that was used, if any. */
  keyId?: string | undefined;
}

/** Cancellation and heartbeats of a call. */
export interface CallContext {
  /** Aborted when the activity is cancelled, its worker shuts down, or its time is up. */
  signal: AbortSignal;
  /**
   * Reports to Temporal that the call is alive. The Web UI shows the details while the activity is pending.
   */
  heartbeat(details?: unknown): void;
}

/** Code as it is tested and deployed. */
export interface Program {
  /** Name of a folder of sandbox/languages, such as `python`. */
  language: string;
  /** The text of each file, by name. */
  files: Record<string, string>;
  /** Which of the files is run. */
  entrypoint: string;
  /** Packages that it needs in addition to those of the image, in the format of its language's installer. */
  requirements: string[];
  /** The file that is run once in production's image with DATABASE_URL before a rollout; null for none. */
  migrate?: string | null;
  /** Its standard input and arguments in production, the same as in its tests; absent for none. */
  given?: Pick<RunInput, 'stdin' | 'args'>;
  /** Whether it served on $PORT in its tests. If so, it is not ready in production before it serves. */
  serves?: boolean;
}

/** The input of a program in the test pod. */
export interface RunInput {
  stdin: string;
  args: string[];
  env: Record<string, string>;
  /** Whether more `stdin` may arrive while it runs. Otherwise the input ends with `stdin`. */
  interactive?: boolean;
}

/** One run of the program with a known output. The expected output never enters the pod. */
export interface TestCase {
  name: string;
  stdin: string;
  args: string[];
  expectedStdout: string;
}

/** The tests of a submission. */
export type Tests =
  | { kind: 'cases'; cases: TestCase[] }
  /** Files for a test framework of the language, such as `pytest`, in addition to the program's own files. */
  | { kind: 'framework'; framework: string; files: Record<string, string> };

/** Limits of one run. The test pod enforces them, and the worker's configuration sets their maximum. */
export interface RunLimits {
  /** Wall time of the program, in milliseconds. */
  wallMs: number;
  /** Memory of the run, in bytes. sandbox/test-pod/PROTOCOL.md defines what counts. */
  memoryBytes: number;
  /**
   * How many bytes of each stream are kept: half from the beginning, half from the end. All bytes are
   * counted.
   */
  keepOutputBytes: number;
  /** The most output of both streams together, in bytes. A run that prints more is stopped. */
  maxOutputBytes: number;
}

/** One execution of one command in the test pod. */
export interface RunRequest {
  /** Identifies the run: a second request with the same key joins the first execution. */
  key: string;
  userId: string;
  submissionId: string;
  program: Program;
  /** Name of a command of the language: `run`, or a test framework. */
  command: string;
  input: RunInput;
  limits: RunLimits;
  /** Absent: wait in the pod without limit. */
  wait?: RunWait;
}

/**
 * How a run waits for its turn in the test pod. `brief`: for about a second, then it fails with
 * `TestPodBusy`. With `patienceMs`: the same, after this many milliseconds. `in_turn`: its user's test queue
 * granted it the turn, so it goes before runs that wait briefly.
 */
export type RunWait = 'brief' | 'in_turn' | { patienceMs: number };

/** How a run ended. Only `passed` is a pass. The cause is always the program, never the platform. */
export type RunOutcome =
  | 'passed'
  | 'syntax_error'
  | 'failed'
  | 'timed_out'
  | 'out_of_memory'
  | 'too_much_output'
  | 'too_many_processes'
  | 'killed_by_signal';

/** The captured output of one stream. */
export interface CapturedOutput {
  /** The captured text, decoded as UTF-8. If the middle was left out, a line there states how many bytes. */
  text: string;
  /** How many bytes were printed in total. */
  bytes: number;
  truncated: boolean;
  /**
   * Where the head ends and the tail starts in `text`, which contains a note between them: the head is `text`
   * before `end`, and the tail is `text` from `start` on, so `end` is before `start`.
   */
  gap?: { end: number; start: number };
  /** The captured bytes, for a stream that is not valid UTF-8. Its `text` is only an approximation. */
  base64?: { head: string; tail: string };
}

/** A finished run, as measured from outside the program. */
export interface RunReport {
  outcome: RunOutcome;
  /** The program's exit code, or null if a signal ended it or it never started. */
  exitCode: number | null;
  /** The name of the signal that ended it (such as SIGKILL), or null. */
  signal: string | null;
  /** True if it passed because it served on `$PORT`, and was then stopped. */
  serving: boolean;
  wallMs: number;
  cpuMs: number;
  peakMemoryBytes: number;
  stdout: CapturedOutput;
  stderr: CapturedOutput;
  /**
   * The report of a test framework or an installer, one JSON object per line; empty for other commands. The
   * process that runs the tested code writes a framework's report.
   */
  report: string;
  /** The language's error message, with the file and line that it refers to. */
  error: { message: string; file: string | null; line: number | null } | null;
  /**
   * The addresses that it listened on when it timed out, such as `127.0.0.1:5000`; absent if there were none.
   */
  listens?: string[];
  /** What stood between the program and the node, such as `gvisor`; absent from an older test pod. */
  sandbox?: string;
  /** The UID of the pod that ran it. */
  podUid: string;
  /** The id of the execution. A different id on a retry means that the run was executed again. */
  executionId: string;
}

export interface RunContext extends CallContext {
  /**
   * Called when an interactive run reports how much input it has received, such as when it begins or is
   * joined.
   * @param received bytes of input received, not counting those of the request
   */
  onInput?: (received: number) => void;
  /**
   * Called each time that the run is joined.
   * @param since when the pod's supervisor started, in milliseconds since the epoch. It knows of no earlier
   * execution
   */
  onSupervisor?: (since: number) => void;
}

/**
 * Input for an interactive run. `offset` is its position in all fed input, not counting the request's own.
 */
export interface InputFeed {
  /** The key of the run's request. */
  key: string;
  offset: number;
  /** Consecutive pieces, in base64. */
  pieces: string[];
  /** Whether the input ends after them. */
  eof: boolean;
}

/** How much input a run has received after a feed. Null if the run no longer exists or has ended. */
export type InputProgress = { received: number } | null;

/** Bytes of a run's stream, from `start` (inclusive) to `end` (exclusive). */
export interface OutputRange {
  /** The key of the run's request. */
  key: string;
  stream: 'stdout' | 'stderr';
  start: number;
  end: number;
}

export interface TestRunner {
  /** Runs a submission in its user's test pod. Throws `EnvironmentMissing`, `Unavailable` or `TestPodBusy`. */
  run(request: RunRequest, context: RunContext): Promise<RunReport>;
  /** Sends a run more input. Input that it has already received is skipped. Throws as `run` does. */
  feed(userId: string, feed: InputFeed): Promise<InputProgress>;
  /**
   * Reads output of a run: fewer bytes than requested if the rest is not kept, or none. Throws as `run` does.
   */
  read(userId: string, range: OutputRange): Promise<Uint8Array>;
  /** Writes a line about a submission to its test pod's log. Never throws; a line may be lost. */
  writeLogLine(userId: string, submissionId: string, text: string): void;
}

export interface EnvironmentReport {
  namespace: string;
  /** The objects that were created or repaired, such as `Pod/test-test`; empty if nothing was missing. */
  changed: string[];
}

export interface Environments {
  /**
   * Creates or repairs the user's namespace, quota, limits, network policy and test pod. Returns when the pod
   * is ready.
   */
  ensure(userId: string, context: CallContext): Promise<EnvironmentReport>;
  /** Deletes the user's namespace with everything in it, including production. Returns when it is gone. */
  remove(userId: string, context: CallContext): Promise<void>;
}

/** What Temporal has stored about a workflow. */
export interface WorkflowRecord {
  input: unknown;
  memo: Record<string, unknown>;
}

export interface WorkflowRecords {
  /**
   * @returns null if there is no such workflow, or its history was deleted after the namespace's retention
   * period
   */
  read(workflowId: string): Promise<WorkflowRecord | null>;
}

export interface DatabaseReport {
  /** Name of the StatefulSet, such as `test-prod-db`. */
  name: string;
  /** True if this call created it. */
  created: boolean;
}

/** How a database was upgraded to the PostgreSQL version of new databases. */
export interface UpgradeReport {
  /** The previous major version; null if there was nothing to upgrade. */
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
  /** Name of the immutable ConfigMap that contains its files. */
  configMap: string;
}

export interface ProgramRequest {
  provenance: Provenance;
  program: Program;
}

export interface ProgramReport {
  program: DeployedProgram;
  /** What was live before this call, or null on a first deploy. A repeat of the call returns the same. */
  previous: DeployedProgram | null;
}

export interface RolloutRequest {
  userId: string;
  program: DeployedProgram;
  /** How long the program may take to become ready after a pod has started it, in milliseconds. */
  deadlineMs: number;
}

/** How a rollout ended. `failed` and `superseded` are results, not errors. */
export interface RolloutReport {
  outcome: 'live' | 'failed' | 'superseded';
  /**
   * Why it failed, as an identifier: `crash_loop`, `image_error`, `quota`, `unschedulable`,
   * `deadline_exceeded` ...
   */
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
  /** What to restore. Null if nothing was live before; then the failed program is removed. */
  previous: DeployedProgram | null;
  deadlineMs: number;
}

export interface RollbackReport {
  /** What is live now. */
  live: DeployedProgram | null;
}

/** How the migration of a submission ended. `failed` is a result, not an error. */
export interface MigrationReport {
  outcome: 'passed' | 'failed';
  /** Null if it did not finish. */
  exitCode: number | null;
  /** Why it failed, in a sentence for people; null when it passed. */
  message: string | null;
  events: string[];
  /** Last lines that it printed. */
  logs: string;
  /** What is in production. If the migration failed, this does not change. */
  live: DeployedProgram | null;
}

/** What a user has in production. */
export interface LiveReport {
  /**
   * Whether the live program is ready now. Kubernetes restarts a program that fails later. A completed
   * program may be scaled to zero (`asleep`).
   */
  state: 'nothing' | 'rolling_out' | 'ready' | 'completed' | 'not_ready' | 'asleep';
  /** The program that became live last and should still run; null if there is none. */
  live: DeployedProgram | null;
  /** Since when, ISO 8601. */
  since: string | null;
  /** A program that is being rolled out to replace the live one. */
  rollingOut: DeployedProgram | null;
}

export interface Production {
  /** Reports what is live. Changes nothing. */
  inspect(userId: string): Promise<LiveReport>;
  /** Stops the program and waits until it is gone. Keeps its files, its address and the database. */
  stop(userId: string, context: CallContext): Promise<void>;
  /** Deletes the program with its files and address; on request also the database with its volume. */
  remove(userId: string, what: { database: boolean }, context: CallContext): Promise<void>;
  /** Runs a submission's migration once, even if it is called repeatedly, and waits until it ends. */
  migrate(request: ProgramRequest, context: CallContext): Promise<MigrationReport>;
  /** Removes what a migration left behind. */
  removeMigration(userId: string, submissionId: string): Promise<void>;
  /** Applies the database with its password, volume and Service, and waits until it accepts connections. */
  applyDatabase(provenance: Provenance, context: CallContext): Promise<DatabaseReport>;
  /**
   * Upgrades the database to the PostgreSQL version of new databases. The old data stay on its volume. A
   * repeated call continues the upgrade.
   */
  upgradeDatabase(userId: string, context: CallContext): Promise<UpgradeReport>;
  /** Deletes the old data that an upgrade left. @returns their major versions */
  discardOldData(userId: string): Promise<string[]>;
  /** Applies the program without waiting for it. */
  applyProgram(request: ProgramRequest, context: CallContext): Promise<ProgramReport>;
  /** Watches until the program is live, cannot become so, or was replaced. */
  awaitRollout(request: RolloutRequest, context: CallContext): Promise<RolloutReport>;
  /** Restores what was live before, and waits for it. The database is never touched. */
  rollBack(request: RollbackRequest, context: CallContext): Promise<RollbackReport>;
}

/** Test databases, separate from production's data. The user's PostgreSQL must already exist. */
export interface TestDatabases {
  /**
   * Creates a submission's test database, or finds the existing one.
   * @param reset whether to delete what an earlier execution left in it
   * @returns variables for the tests, including DATABASE_URL; they contain a password
   */
  open(userId: string, submissionId: string, options: { reset: boolean }): Promise<Record<string, string>>;
  /** Drops the test database with everything in it. Does nothing if there is none. */
  drop(userId: string, submissionId: string): Promise<void>;
}

/**
 * A document as stored in Elasticsearch: an action, a piece of output, or a call. Because of its `_id`, a
 * repeated write creates no second document.
 */
export interface LogDocument {
  _id: string;
  '@timestamp': string;
  [field: string]: unknown;
}

export interface ActionLog {
  /**
   * Stores every document exactly once, even if it is called repeatedly. Documents that can never be stored
   * are put aside. Throws `Unavailable` until it succeeds.
   */
  write(documents: LogDocument[]): Promise<{ rejected: number }>;
}

/** Stores the output of programs, in pieces, with the same guarantees as {@link ActionLog}. */
export type OutputLog = ActionLog;

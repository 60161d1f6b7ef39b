import { setTimeout as wait } from 'node:timers/promises';
import type { ActivityDependencies } from '../../activities';
import type {
  LogDocument,
  CallContext,
  DeployedProgram,
  MigrationReport,
  RolloutReport,
  RunReport,
  RunRequest,
  WorkflowRecord,
} from '../../activities/ports';

/** Ports that do what a test's script defines: everything succeeds by default. */

const nothing = { text: '', bytes: 0, truncated: false };
export const pass: RunReport = {
  outcome: 'passed',
  exitCode: 0,
  signal: null,
  serving: false,
  wallMs: 12,
  cpuMs: 10,
  peakMemoryBytes: 9_000_000,
  stdout: { text: 'Hello\n', bytes: 6, truncated: false },
  stderr: nothing,
  report: '',
  error: null,
  podUid: 'pod',
  executionId: 'e1',
};
const program = (submissionId: string): DeployedProgram => ({
  submissionId,
  workflowId: `submission-${submissionId}`,
  runId: 'run',
  codeDigest: 'digest',
  configMap: 'test-prod-digest',
});
export const live: RolloutReport = { outcome: 'live', reason: null, message: null, events: [], logs: '' };
export const crashed: RolloutReport = {
  ...live,
  outcome: 'failed',
  reason: 'crash_loop',
  message: 'It ended with 1.',
};

export const migrated: MigrationReport = {
  outcome: 'passed',
  exitCode: 0,
  message: null,
  events: [],
  logs: '',
  live: null,
};

/** Temporal's record of a submission that was in production earlier. */
export const deployedBefore: WorkflowRecord = {
  input: {
    userId: 'test',
    codeDigest: 'digest',
    program: { language: 'python', files: { 'main.py': '' }, entrypoint: 'main.py', requirements: [] },
  },
  memo: { verdict: { status: 'deployed' } },
};

/** An error as adapters throw it. */
export const platformError = (name: string, message: string) => Object.assign(new Error(message), { name });

/** Calls in order, and the documents that were written. */
export interface Recording {
  calls: string[];
  documents: LogDocument[];
  /** Documents with the output of programs. */
  output: LogDocument[];
}

export type Script = {
  [
    Port in
      | 'testRunner'
      | 'environments'
      | 'production'
      | 'testDatabases'
      | 'actionLog'
      | 'outputLog'
      | 'workflowRecords'
  ]?: Partial<ActivityDependencies[Port]>;
};

export function scripted(script: Script, recording: Recording): ActivityDependencies {
  const call = <T>(name: string, result: T) => {
    recording.calls.push(name);
    return Promise.resolve(result);
  };
  return {
    settings: {
      limits: { wallMs: 1, memoryBytes: 1, keepOutputBytes: 1, maxOutputBytes: 1 },
      interactiveWallMs: 1,
      rolloutDeadlineMs: 1,
    },
    testRunner: {
      run: () => call('run', pass),
      feed: (_, { offset, pieces }) =>
        call('feed', {
          received: offset + Buffer.concat(pieces.map((piece) => Buffer.from(piece, 'base64'))).length,
        }),
      read: (_, { start, end }) => call('read', Buffer.alloc(end - start, 'x')),
      writeLogLine: () => void call('writeLogLine', undefined),
      ...script.testRunner,
    },
    environments: {
      remove: () => call('removeEnvironment', undefined),
      ensure: () => call('ensure', { namespace: 'user-test', changed: ['Pod/test-test'] }),
      ...script.environments,
    },
    production: {
      applyDatabase: () => call('applyDatabase', { name: 'test-prod-db', created: true }),
      applyProgram: ({ provenance }) =>
        call('applyProgram', { program: program(provenance.submissionId), previous: program('earlier') }),
      awaitRollout: () => call('awaitRollout', live),
      migrate: () => call('migrate', migrated),
      upgradeDatabase: () => call('upgradeDatabase', { from: '15', to: '17', tables: 2, rows: 40 }),
      discardOldData: () => call('discardOldData', ['15']),
      removeMigration: () => call('removeMigration', undefined),
      inspect: () =>
        call('inspect', { state: 'ready', live: program('earlier'), since: null, rollingOut: null }),
      stop: () => call('stop', undefined),
      remove: (_, { database }) => call(database ? 'removeAll' : 'remove', undefined),
      rollBack: ({ previous }) => call('rollBack', { live: previous }),
      ...script.production,
    },
    testDatabases: {
      open: () => call('openTestDatabase', { DATABASE_URL: 'postgresql://test' }),
      drop: () => call('dropTestDatabase', undefined),
      ...script.testDatabases,
    },
    workflowRecords: { read: () => call('read', null), ...script.workflowRecords },
    actionLog: {
      write: (documents) => {
        recording.documents.push(...documents);
        return Promise.resolve({ rejected: 0 });
      },
      ...script.actionLog,
    },
    outputLog: {
      write: (documents) => {
        recording.output.push(...documents);
        return Promise.resolve({ rejected: 0 });
      },
      ...script.outputLog,
    },
  };
}

/** How long a brief run waits in a scripted pod, in milliseconds. */
const PATIENCE_MS = 100;

/**
 * A test pod whose programs run one at a time until the test lets them end. It rejects runs as the real one
 * does (sandbox/test-pod/PROTOCOL.md).
 */
export function scriptedPod() {
  const queue: RunRequest[] = [];
  const ended: string[] = [];
  const lettingGo: (() => void)[] = [];
  let calls = 0;
  let isOpen = false;
  let isFull = false;
  const busy = (reason: string) =>
    Object.assign(platformError('TestPodBusy', 'Others come first.'), { reason });

  const isBrief = ({ wait: how }: RunRequest) => how !== undefined && how !== 'in_turn';
  const patienceOf = ({ wait: how }: RunRequest) => (typeof how === 'object' ? how.patienceMs : PATIENCE_MS);

  /** Waits until the request is the first in the queue. */
  async function turn(request: RunRequest, context: CallContext): Promise<void> {
    const begun = performance.now();
    while (queue[0] !== request) {
      context.signal.throwIfAborted();
      context.heartbeat();
      if (isBrief(request) && performance.now() - begun > patienceOf(request)) throw busy('not_yet');
      await wait(10);
    }
  }

  async function run(request: RunRequest, context: CallContext): Promise<RunReport> {
    // What an earlier attempt left in the pod goes on there.
    const left = queue.findIndex(({ key }) => key === request.key);
    if (left >= 0) queue[left] = request;
    else {
      if (isBrief(request) && isFull) throw busy('busy');
      if (isBrief(request) && queue.some(({ wait: how }) => how === 'in_turn')) throw busy('not_yet');
      queue.push(request);
    }
    calls++;
    try {
      await turn(request, context);
      const letGo = new Promise<void>((resolve) => lettingGo.push(resolve));
      if (!isOpen) await Promise.race([letGo, untilCancelled(context)]);
      ended.push(request.submissionId);
      return pass;
    } finally {
      calls--;
      const goesOn = queue[0] === request && (context.signal.reason as Error)?.message === 'CONTINUES_LATER';
      if (!goesOn) queue.splice(queue.indexOf(request), 1);
    }
  }

  return {
    run,
    /** Submissions whose programs have run, in order. */
    ended,
    /** Calls in progress: each occupies an activity. */
    calls: () => calls,
    /** From now on it rejects runs that wait briefly. */
    fill: () => {
      isFull = true;
    },
    /** Lets all programs end, current and future ones. */
    open: () => {
      isOpen = true;
      for (const letGo of lettingGo) letGo();
    },
  };
}

/** Rejects when the call is cancelled, as adapters do. */
export const untilCancelled = (context: CallContext) =>
  new Promise<never>((_, reject) => {
    const beat = setInterval(() => context.heartbeat(), 100);
    context.signal.addEventListener('abort', () => {
      clearInterval(beat);
      reject(context.signal.reason as Error);
    });
  });

/** Rejects with a temporary failure when the call is cancelled, as an adapter whose server is unavailable. */
export const unavailableWhenCancelled = (context: CallContext) =>
  untilCancelled(context).catch(() => Promise.reject(platformError('Unavailable', 'socket hang up')));

import type { Random } from './random';

/** What the driver submits, and the expected outcome. */
export interface Submission {
  kind: ProgramKind;
  /** The message without user_id and submission_id. */
  message: Record<string, unknown>;
  /** What is true of the program, whatever happens to the platform. */
  truth: Truth;
  /** The programs whose executions are counted: their tests execute each of them, once if nothing fails. */
  units: string[];
  /** Whether it is sent to both gateways at the same time. */
  twice: boolean;
  /** After how many milliseconds it is cancelled. */
  cancelAfter: number | null;
  /** Whether its program answers with its submission's id when it is live. */
  serves: boolean;
}

/** A program either fails its tests, for this reason, or passes and is deployed. */
export type Truth = { passes: false; reason: string } | { passes: true; worksInProduction: boolean };

const PROGRAMS = [
  { kind: 'fails', weight: 34 },
  { kind: 'slow', weight: 12 },
  { kind: 'timeout', weight: 6 },
  { kind: 'loud', weight: 6 },
  { kind: 'cases', weight: 6 },
  { kind: 'framework', weight: 5 },
  { kind: 'twice', weight: 5 },
  { kind: 'cancelled-test', weight: 5 },
  { kind: 'cancelled-rollout', weight: 3 },
  { kind: 'serves', weight: 10 },
  { kind: 'completes', weight: 3 },
  { kind: 'migrates', weight: 3 },
  { kind: 'breaks-in-production', weight: 2 },
] as const;

export type ProgramKind = (typeof PROGRAMS)[number]['kind'];

export const drawProgram = (random: Random): ProgramKind => random.weighted(PROGRAMS).kind;

/** The command line of a process that programs leave behind on purpose: it must be gone after each run. */
export const LEFT_BEHIND = ['sleep', '86399'];

const FAILED: Truth = { passes: false, reason: 'failed' };
const WORKS: Truth = { passes: true, worksInProduction: true };

const PRODUCTION = 'IN_PRODUCTION = "-prod-" in socket.gethostname()\n';
const DIFFERENT_IN_PRODUCTION = 'if IN_PRODUCTION: raise SystemExit(3)\n';
const SERVES = `
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(ID.encode())
    def log_message(self, *words): pass
ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
`;
const DAEMON = `subprocess.Popen(${JSON.stringify(LEFT_BEHIND)}, start_new_session=True)\n`;

/** The address of the tally, as pods reach it. */
export interface TallyAddress {
  host: string;
  port: number;
}

/** @param id of the submission: its program reports it to the tally and prints it */
export function submissionOf(kind: ProgramKind, id: string, tally: TallyAddress, random: Random): Submission {
  const begins = (unit: string) => head(id, unit, tally);
  const simple = (body: string, more: Partial<Submission> = {}, message: object = {}): Submission => ({
    kind,
    message: { code: `${begins('run')}${body}`, ...message },
    ...{ truth: FAILED, units: ['run'], twice: false, cancelAfter: null, serves: false },
    ...more,
  });
  switch (kind) {
    case 'fails':
      return simple(`${DAEMON}raise SystemExit(1)`);
    case 'twice':
      return simple('time.sleep(0.5)\nraise SystemExit(1)', { twice: true });
    case 'slow':
      return simple(
        'for n in range(40): print("line", n, flush=True); time.sleep(0.15)\nraise SystemExit(1)',
      );
    case 'timeout':
      return simple(
        `${DAEMON}while True: time.sleep(0.1)`,
        { truth: { passes: false, reason: 'timed_out' } },
        { limits: { wall_seconds: 2 } },
      );
    case 'loud':
      return simple(
        'for n in range(6000): print("a line of some forty bytes, number", n)\nraise SystemExit(1)',
      );
    case 'cases': {
      const cases = ['1', '2'].map((stdin) => ({ stdin, args: [`case-${stdin}`], expected_stdout: '2' }));
      const body = 'print(2 * int(input()))';
      return {
        ...simple('', { truth: { passes: false, reason: 'wrong_output' }, units: ['case-1', 'case-2'] }),
        message: { code: `${head(id, null, tally)}${body}`, tests: { cases } },
      };
    }
    case 'framework': {
      const test = `${begins('test')}import unittest\nclass Test(unittest.TestCase):\n    def test_it(self): self.assertEqual(1, 2)\n`;
      return {
        ...simple('', { truth: { passes: false, reason: 'tests_failed' }, units: ['run', 'test'] }),
        message: {
          code: `${begins('run')}print("fine")`,
          tests: { framework: 'unittest', files: { 'test_it.py': test } },
        },
      };
    }
    case 'cancelled-test':
      return simple('time.sleep(8)\nraise SystemExit(1)', { cancelAfter: random.between(50, 4_000) });
    case 'cancelled-rollout':
      return simple(SERVES, { truth: WORKS, serves: true, cancelAfter: random.between(500, 8_000) });
    case 'serves':
      return simple(SERVES, { truth: WORKS, serves: true });
    case 'completes':
      return simple('print("done")', { truth: WORKS });
    case 'breaks-in-production':
      return simple(DIFFERENT_IN_PRODUCTION, { truth: { passes: true, worksInProduction: false } });
    case 'migrates':
      return {
        ...simple('', { truth: WORKS, serves: true }),
        message: {
          files: {
            'main.py': `${begins('run')}${SERVES}`,
            'migrate.py': `${begins('migration')}print("migrated")`,
          },
          entrypoint: 'main.py',
          migrate: 'migrate.py',
        },
      };
  }
}

/**
 * Reports the start of the program to the tally, and prints it. @param unit null for a case: it is in the
 * first argument, and nothing is printed
 */
function head(id: string, unit: string | null, { host, port }: TallyAddress): string {
  return `import os, socket, subprocess, sys, time, uuid
ID = ${JSON.stringify(id)}
TOKEN = uuid.uuid4().hex
${PRODUCTION}
UNIT = "production" if IN_PRODUCTION and ${JSON.stringify(unit)} != "migration" else ${unit === null ? 'sys.argv[1]' : JSON.stringify(unit)}
for attempt in range(20):
    try:
        with socket.create_connection((${JSON.stringify(host)}, ${port}), 5) as tally:
            tally.sendall(f"{ID} {UNIT} {socket.gethostname()} {TOKEN}\\n".encode())
            if tally.recv(1): break
    except OSError: time.sleep(0.2)
${unit === null ? '' : 'print("began", ID, UNIT, flush=True)'}
`;
}

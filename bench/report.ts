import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import type { Drawing, Findings, Table } from './findings';
import { capacityTables, type GrowthFigures, type IdleFigures } from './capacityTables';
import { drawPlot } from './plot';

const DOCS = join(__dirname, '../docs');
const FOLDER = join(DOCS, 'performance');
const RESULTS = join(FOLDER, 'results.json');

/** Where a run took place. */
export interface Setting {
  /** Day, ISO 8601. */
  day: string;
  machine: string;
  versions: Record<string, string>;
  /** The load average when the suite began, which shows other work on the same machine. */
  loadAverage: number;
}

export interface SuiteResult extends Findings {
  setting: Setting;
  tables: Table[];
  /** Drawings whose files are written. */
  pictures?: Omit<Drawing, 'svg'>[];
}

export const machine = (): string =>
  `${cpus().length} processors (${cpus()[0]?.model ?? 'unknown'}), ${Math.round(totalmem() / 2 ** 30)} GiB`;

/**
 * Stores what a suite found with the results of the other suites, and regenerates the pages from all of them.
 */
export async function write(name: string, result: SuiteResult): Promise<void> {
  await mkdir(FOLDER, { recursive: true });
  const { drawings = [], ...rest } = result;
  const pictures = drawings.map(({ svg: _, ...named }) => named);
  const results = { ...(await readResults()), [name]: { ...rest, ...(drawings.length > 0 && { pictures }) } };
  await writeFile(RESULTS, `${JSON.stringify(results, null, 1)}\n`);
  for (const plot of result.plots ?? []) await writeFile(join(FOLDER, `${plot.name}.svg`), drawPlot(plot));
  for (const drawing of drawings) await writeFile(join(FOLDER, `${drawing.name}.svg`), drawing.svg);
  await writeFile(join(DOCS, 'performance.md'), performancePage(results));
  const growth = results.growth?.figures as GrowthFigures | undefined;
  const idle = results.idle?.figures as unknown as IdleFigures | undefined;
  if (growth && idle) await writeCapacity(capacityTables(growth, idle));
}

async function readResults(): Promise<Record<string, SuiteResult>> {
  try {
    return JSON.parse(await readFile(RESULTS, 'utf8')) as Record<string, SuiteResult>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}

export function performancePage(results: Record<string, SuiteResult>): string {
  const parts = Object.entries(results).map(
    ([name, { setting, tables, plots = [], pictures = [], notes = [] }]) =>
      [
        `## ${name}`,
        `${setting.day}, ${setting.machine}, load average ${setting.loadAverage.toFixed(0)} when it began; ${Object.entries(
          setting.versions,
        )
          .map((pair) => pair.join(' '))
          .join(', ')}.`,
        ...tables.map(markdown),
        ...notes.map((note) => `- ${note}`),
        ...[...plots, ...pictures].map(({ name: file, title }) => `![${title}](performance/${file}.svg)`),
      ].join('\n\n'),
  );
  return `${[PREFACE, ...parts].join('\n\n')}\n`;
}

const PREFACE = `# Performance

Written by \`npm run bench -- --write\`; raw figures are in [performance/results.json](performance/results.json). Every
figure stands beside its baseline from the same run. Machines are noisy: compare the ratios.

The baselines: the original's way is \`bench/reference/original.py\`, a Python WebSocket server that shells out to
kubectl; a Job a step is how workflow engines on Kubernetes run one, \`bench/reference/jobPerStep.ts\`.

## Where the time goes

A submission whose tests fail within a second is one workflow task: the run in the test pod is a part of it
([brief-tests-in-the-first-workflow-task](decisions/brief-tests-in-the-first-workflow-task.md)). Suite \`run\` splits its
latency on an idle machine. On a busy one, processors decide how many there are in a second. Suite \`e2e\` has what
Temporal, the worker and the gateway use of them for each; suite \`profile\` shows in which code.

- **Temporal, about a half.** It stores three to four changes of state: the start, the beginning and the end of the
  workflow task, and the status as a search attribute, which costs about 2 ms.
- **The worker, about a third.** Most of that is the SDK: it passes each activation of a workflow to a thread and back.
  To make the log of actions, the worker reads each history again: 6 ms, of which a part is Temporal's
  ([log-from-history](decisions/log-from-history.md)).
- **The gateway, about a sixth**: the start of the workflow, and two or three reads of its history while it runs.

Tried without a gain beyond the noise: a larger cache or mapped memory for SQLite, one partition for each task queue, no
fairness between users, Temporal without transition history, a larger young generation of Node's heap, and a first read
of the history that waits for the workflow task.

The latency of a redeploy is mostly the wait for its pod (suite \`deploy\`): the kubelet looks once a second whether a
container has started and whether it is ready. Its rate on two processors (suite \`e2e\`) is again a matter of processor
time: about 2.1 s for a redeploy and 1.7 s for its stand-in, of which Kubernetes and the container runtime use most. The
worker, Temporal and the gateway use 0.4 s together, as the stand-in's kubectl does. The difference is what the stand-in
does without: a Service with its endpoints, files, a readiness probe.`;

export function markdown({ header, rows }: Table): string {
  const line = (cells: (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [
    line(header),
    line(header.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...rows.map(line),
  ].join('\n');
}

const [BEGIN, END] = ['<!-- begin: npm run bench -- --write -->', '<!-- end -->'];

async function writeCapacity(tables: Table[]): Promise<void> {
  const path = join(DOCS, 'capacity.md');
  const page = await readFile(path, 'utf8');
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`docs/capacity.md has lost its marks ${BEGIN} and ${END}.`);
  const written = [BEGIN, ...tables.map(markdown), END].join('\n\n');
  await writeFile(path, page.slice(0, begin) + written + page.slice(end + END.length));
}

import { readdirSync, readFileSync } from 'node:fs';
import { stack } from '../test/integration/stack';

/** Clock ticks per second in /proc: 100 on Linux wherever Node runs. */
const TICKS = 100;

/** Processor time that a process has used, including its threads, in seconds. */
export function cpuSeconds(pid: number): number {
  const { own } = statOf(pid);
  return own;
}

/** Processor time of processes and all their descendants, including those that have exited, in seconds. */
export function cpuSecondsOfTrees(roots: number[]): number {
  const stats = new Map(
    processesWith().flatMap((pid) => {
      try {
        return [[pid, statOf(pid)] as const];
      } catch {
        return []; // It has exited, so its time counts as its parent's.
      }
    }),
  );
  const among = (pid: number): boolean =>
    roots.includes(pid) || (stats.has(pid) && among(stats.get(pid)!.parent));
  return [...stats].reduce((sum, [pid, { own, ended }]) => sum + (among(pid) ? own + ended : 0), 0);
}

/** Processor time in seconds: the process's own, and that of its children that have exited. */
function statOf(pid: number): { parent: number; own: number; ended: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // Skips the name, which may contain spaces. Element 0 is field 3 of proc(5); 4 and 14 to 17 are used.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const seconds = (...places: number[]) => places.reduce((sum, place) => sum + fields[place]!, 0) / TICKS;
  return { parent: fields[1]!, own: seconds(11, 12), ended: seconds(13, 14) };
}

/** Time that the machine's processors were busy, and total time, in clock ticks. */
export function machineTime(): { busy: number; all: number } {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  // The columns are user nice system idle iowait irq softirq steal; user already includes guest.
  const times = first.split(/\s+/).slice(1, 9).map(Number);
  const all = times.reduce((sum, time) => sum + time, 0);
  return { busy: all - (times[3] ?? 0) - (times[4] ?? 0), all };
}

/** Processes whose command line contains all of these words. */
export function processesWith(...words: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => words.every((word) => commandLine(pid).includes(word)))
    .map(Number);
}

/** The pids of the Temporal server that is measured, if it runs on this machine. */
export function temporalServers(): number[] {
  const port = stack().temporalAddress.split(':').at(-1)!;
  return processesWith('temporal server start-dev', `--port=${port}`);
}

/** Children of this process that run this entry file. */
export function childrenRunning(entry: string): number[] {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
  return children
    .split(' ')
    .filter((pid) => pid && commandLine(pid).includes(entry))
    .map(Number);
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
  } catch {
    return ''; // It has exited.
  }
}

import { readdirSync, readFileSync } from 'node:fs';

/** Clock ticks a second, in which /proc counts: 100 on Linux wherever Node runs. */
const TICKS = 100;

/** Processor time that a process has used, in seconds, its threads' included. */
export function cpuSeconds(pid: number): number {
  const { own } = statOf(pid);
  return own;
}

/** That of processes and all that descend from them, also of those that ended meanwhile, in seconds. */
export function cpuSecondsOfTrees(roots: number[]): number {
  const stats = new Map(
    processesWith().flatMap((pid) => {
      try {
        return [[pid, statOf(pid)] as const];
      } catch {
        return []; // It has ended meanwhile, and is its parent's.
      }
    }),
  );
  const among = (pid: number): boolean =>
    roots.includes(pid) || (stats.has(pid) && among(stats.get(pid)!.parent));
  return [...stats].reduce((sum, [pid, { own, ended }]) => sum + (among(pid) ? own + ended : 0), 0);
}

/** Seconds of processor time: its own, and of its children that ended. */
function statOf(pid: number): { parent: number; own: number; ended: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // After the name, which may hold spaces: fields 4 and 14 to 17 of proc(5), from field 3 on.
  const fields = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  const seconds = (...places: number[]) => places.reduce((sum, place) => sum + fields[place]!, 0) / TICKS;
  return { parent: fields[1]!, own: seconds(11, 12), ended: seconds(13, 14) };
}

/** Time that the machine's processors have been busy, and all of it, in clock ticks. */
export function machineTime(): { busy: number; all: number } {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n', 1);
  // user nice system idle iowait irq softirq steal; guests are in user already.
  const times = first.split(/\s+/).slice(1, 9).map(Number);
  const all = times.reduce((sum, time) => sum + time, 0);
  return { busy: all - (times[3] ?? 0) - (times[4] ?? 0), all };
}

/** Processes whose command line has all of these words. */
export function processesWith(...words: string[]): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => words.every((word) => commandLine(pid).includes(word)))
    .map(Number);
}

/** Children of this process that run an entry file. */
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
    return ''; // It has ended meanwhile.
  }
}

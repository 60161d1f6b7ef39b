import { readdirSync, readFileSync } from 'node:fs';

/** Identifies a process, even if its pid is later given to another one. */
export interface ProcessIdentity {
  pid: number;
  /** Clock ticks between the machine's boot and the process's start: field 22 of /proc/PID/stat. */
  startTime: string;
}

/** The identity of a running process, or undefined when there is none with this pid. */
export function identify(pid: number): ProcessIdentity | undefined {
  const stat = readProcFile(`/proc/${pid}/stat`);
  if (stat === undefined) return undefined;
  // The second field, the program's name in parentheses, may contain spaces: count from the last parenthesis.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, startTime] = [fields[0], fields[19]];
  return state === 'Z' || startTime === undefined ? undefined : { pid, startTime };
}

/** True when exactly this process still runs, and not another one with the same pid. */
export function stillRuns(process: ProcessIdentity): boolean {
  return identify(process.pid)?.startTime === process.startTime;
}

/** The command line of a process for a message, or `pid N` when it cannot be read. */
export function describeProcess(pid: number): string {
  const command = readProcFile(`/proc/${pid}/cmdline`)?.split('\0').join(' ').trim();
  return command ? `pid ${pid} (${command.slice(0, 120)})` : `pid ${pid}`;
}

/** The direct children of a process: pids as seen on this machine, even for another PID namespace. */
export function childrenOf(pid: number): number[] {
  return (readProcFile(`/proc/${pid}/task/${pid}/children`) ?? '').split(' ').filter(Boolean).map(Number);
}

/** Every process that was started with this variable in its environment, except this one. */
export function processesWithVariable(name: string, value: string): ProcessIdentity[] {
  const wanted = `${name}=${value}`;
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .filter((pid) => (readProcFile(`/proc/${pid}/environ`) ?? '').split('\0').includes(wanted))
    .map((pid) => identify(Number(pid)))
    .filter((found) => found !== undefined);
}

/** Undefined if the process has ended meanwhile, or belongs to another user and cannot be read. */
function readProcFile(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return undefined;
    throw error;
  }
}

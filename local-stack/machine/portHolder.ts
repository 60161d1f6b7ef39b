import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { describeProcess } from '../../infrastructure/processIdentity';

/** A TCP port with a listener. */
export interface PortHolder {
  port: number;
  /** Undefined when the process belongs to another user or to another PID namespace. */
  pid: number | undefined;
  description: string;
}

/** The state of a listening socket in /proc/net/tcp. */
const listening = '0A';

/** The process that listens on this TCP port, on any address; undefined when the port is free. */
export function portHolder(
  port: number,
  tables = ['/proc/net/tcp', '/proc/net/tcp6'],
): PortHolder | undefined {
  const inode = tables.map((table) => listeningInode(readTable(table), port)).find(Boolean);
  if (!inode) return undefined;
  const pid = processWithSocket(inode);
  return { port, pid, description: pid === undefined ? 'a process of another user' : describeProcess(pid) };
}

/** The inode of the socket that listens on a port, from the text of a /proc/net/tcp table. */
export function listeningInode(table: string, port: number): string | undefined {
  const hexadecimal = port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of table.split('\n').slice(1)) {
    const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
    if (state === listening && local?.endsWith(`:${hexadecimal}`)) return inode;
  }
  return undefined;
}

function processWithSocket(inode: string): number | undefined {
  const target = `socket:[${inode}]`;
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return pids.map(Number).find((pid) => openFiles(pid).includes(target));
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).map((descriptor) => linkTarget(`/proc/${pid}/fd/${descriptor}`));
  } catch {
    // It has exited, or this user may not inspect it.
    return [];
  }
}

function linkTarget(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readTable(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // A machine without IPv6 has no tcp6.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

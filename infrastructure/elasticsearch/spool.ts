import { randomUUID } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';

export interface SpoolSettings {
  /** A folder that several processes may share. When one of them dies, another takes over its spool. */
  directory: string;
  /** Maximum size of the spool, in bytes. */
  maxBytes: number;
  /** Approximate size of one file, in bytes. */
  segmentBytes?: number;
}

/** The lines of one file. */
export interface Segment {
  path: string;
  lines: string[];
}

const SEGMENT_BYTES = 1_048_576;

/** Interval of a spool's heartbeat, and time without one after which it is taken over, in milliseconds. */
const BEAT_MS = 10_000;
const DEAD_MS = 60_000;
const BEAT = 'alive';

/**
 * A queue of lines on disk. A line is written when `append` returns, so it survives the process. It is not
 * synced, so it may not survive a failure of the machine.
 */
export class Spool {
  private readonly own: string;
  private readonly beats: NodeJS.Timeout;
  private current: { path: string; file: number; bytes: number } | null = null;
  private lastBeat = 0;
  private numbers = 0;
  private used = 0;

  constructor(private readonly settings: SpoolSettings) {
    this.own = join(settings.directory, randomUUID());
    mkdirSync(this.own, { recursive: true, mode: 0o700 });
    this.beat();
    this.beats = setInterval(() => this.beat(), BEAT_MS);
    this.beats.unref();
    this.adopt();
  }

  /** Bytes of the lines in the spool. */
  get bytes(): number {
    return this.used;
  }

  /** Adds a line. @returns false when the spool is full */
  append(line: string): boolean {
    const data = Buffer.from(`${line}\n`);
    if (this.used + data.length > this.settings.maxBytes) return false;
    // During a long pause another process may have taken over the spool, and with it the current file.
    if (this.current && Date.now() - this.lastBeat > DEAD_MS / 2) this.finish();
    this.current ??= this.begin();
    writeSync(this.current.file, data);
    this.current.bytes += data.length;
    this.used += data.length;
    if (this.current.bytes >= (this.settings.segmentBytes ?? SEGMENT_BYTES)) this.finish();
    return true;
  }

  /** The oldest lines; null when the spool is empty. */
  next(): Segment | null {
    if (this.segments().length === 0) this.finish();
    const [name] = this.segments();
    if (name === undefined) return null;
    const path = join(this.own, name);
    return { path, lines: readFileSync(path, 'utf8').split('\n').filter(Boolean) };
  }

  /** Deletes lines that were processed. */
  remove({ path }: Segment): void {
    this.used = Math.max(this.used - sizeOf(path), 0);
    rmSync(path, { force: true });
  }

  /** Takes over the spools of dead processes. @returns how many files */
  adopt(): number {
    let taken = 0;
    for (const name of readdirSync(this.settings.directory)) {
      const folder = join(this.settings.directory, name);
      if (folder === this.own || !isAbandoned(folder)) continue;
      for (const file of readdirSync(folder).filter(isSegment)) {
        const path = join(this.own, this.nameOfNext());
        try {
          renameSync(join(folder, file), path);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === 'ENOENT') continue; // Another process was faster.
          throw error;
        }
        this.used += sizeOf(path);
        taken += 1;
      }
      rmSync(folder, { recursive: true, force: true });
    }
    return taken;
  }

  /** Closes the spool. The remaining lines stay on disk for the next process. */
  close(): void {
    clearInterval(this.beats);
    this.finish();
    if (this.segments().length === 0) rmSync(this.own, { recursive: true, force: true });
    // Expire the heartbeat, so that another process takes over at once.
    else utimesSync(join(this.own, BEAT), new Date(0), new Date(0));
  }

  private begin() {
    mkdirSync(this.own, { recursive: true, mode: 0o700 });
    const path = join(this.own, `${this.nameOfNext()}.open`);
    return { path, file: openSync(path, 'a', 0o600), bytes: 0 };
  }

  /** Closes the current file and removes its suffix `.open`. */
  private finish(): void {
    if (!this.current) return;
    const { path, file } = this.current;
    this.current = null;
    closeSync(file);
    try {
      renameSync(path, path.replace(/\.open$/, ''));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error; // Another process took it over.
    }
  }

  private nameOfNext(): string {
    return String(this.numbers++).padStart(12, '0');
  }

  private segments(): string[] {
    try {
      return readdirSync(this.own)
        .filter((name) => /^\d+$/.test(name))
        .sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
  }

  private beat(): void {
    this.lastBeat = Date.now();
    mkdirSync(this.own, { recursive: true, mode: 0o700 });
    writeFileSync(join(this.own, BEAT), '');
  }
}

const isSegment = (name: string) => /^\d+(\.open)?$/.test(name);

function isAbandoned(folder: string): boolean {
  try {
    return Date.now() - statSync(join(folder, BEAT)).mtimeMs > DEAD_MS;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return false;
    throw error;
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from './exitCodes';

export interface Settings {
  url: string;
  key: string;
  /** The user to submit for, if a command names none. */
  user: string | undefined;
}

const DEFAULT_URL = 'http://localhost:8000';

const FIELDS = ['url', 'key', 'user'] as const;

type ConfigFile = Partial<Record<(typeof FIELDS)[number], string>>;

/** Reads the settings. Environment variables take precedence over the file. @throws UsageError */
export function readSettings(environment: Record<string, string | undefined> = process.env): Settings {
  const folder = environment.XDG_CONFIG_HOME || join(environment.HOME || homedir(), '.config');
  const path = join(folder, 'orchestration-app', 'config.json');
  const file = readFile(path);
  const key = environment.ORCHESTRATION_KEY || environment.API_KEY || file.key;
  if (!key)
    throw new UsageError(`There is no key: set ORCHESTRATION_KEY, or write {"key": "..."} to ${path}.`);
  const url = environment.ORCHESTRATION_URL || file.url || DEFAULT_URL;
  if (!/^https?:\/\//.test(url) || !URL.canParse(url)) {
    const source = environment.ORCHESTRATION_URL ? 'ORCHESTRATION_URL' : `"url" in ${path}`;
    throw new UsageError(`${source} must be an address such as ${DEFAULT_URL}, and is ${url}.`);
  }
  return {
    url,
    key,
    user: environment.ORCHESTRATION_USER || file.user,
  };
}

function readFile(path: string): ConfigFile {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return {};
  if (mode & 0o077) throw new UsageError(`${path} holds a key, and others may read it: chmod 600 ${path}.`);
  try {
    return parseConfig(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw new UsageError(`${path} is not usable: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Checked by hand: a schema library would take most of the time of a start. */
function parseConfig(value: unknown): ConfigFile {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new Error(`it must be an object with ${FIELDS.join(', ')}`);
  for (const [name, field] of Object.entries(value)) {
    if (!(FIELDS as readonly string[]).includes(name))
      throw new Error(`unknown field "${name}"; it takes ${FIELDS.join(', ')}`);
    if (typeof field !== 'string') throw new Error(`"${name}" must be text`);
  }
  return value;
}

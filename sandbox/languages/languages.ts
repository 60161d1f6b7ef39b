import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const command = z.array(z.string().min(1)).min(1);
const pattern = z.string().transform((source, context) => {
  try {
    return new RegExp(source, 'gm');
  } catch (error) {
    context.addIssue({ code: 'custom', message: String(error) });
    return z.NEVER;
  }
});

/** The schema of `language.json`. README.md in this folder explains each member. */
const language = z.strictObject({
  title: z.string(),
  version: z.string(),
  packages: z.record(z.string(), z.string()).default({}),
  file_name: z.string(),
  extensions: z.array(z.string().regex(/^\.\w+$/)).min(1),
  commands: z.looseObject({ run: command, check: command.optional(), install: command.optional() }),
  aliases: z.record(z.string(), z.string()).default({}),
  environment: z.record(z.string(), z.string()).default({}),
  warm: z.string().optional(),
  errors: z.strictObject({
    start: pattern.optional(),
    message: pattern,
    frame: pattern,
    innermost: z.enum(['first', 'last']),
    out_of_memory: pattern.optional(),
  }),
});

/** A language in which submissions can be written. */
export interface Language {
  /** The name of its folder, which submissions use. */
  name: string;
  title: string;
  /** The interpreter's version in the pod images. */
  version: string;
  /** Packages that programs can use in addition to the standard library, with versions. */
  packages: Record<string, string>;
  /** The file name for `code`, a submission's shorthand for a single file. */
  fileName: string;
  extensions: string[];
  /** Names of the commands that run test files. */
  frameworks: string[];
  /** Alternative names of frameworks, each with its command. */
  aliases: Record<string, string>;
  /** Whether requirements can be installed. */
  installs: boolean;
  errors: ErrorPatterns;
}

/** How to find the error in a program's stderr. */
export type ErrorPatterns = z.infer<typeof language>['errors'];

const NOT_FRAMEWORKS = ['run', 'check', 'install'];

/**
 * Loads all languages of the folder.
 * @throws Error with the file and the invalid member
 */
export function loadLanguages(folder = __dirname): Map<string, Language> {
  const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return new Map(folders.map(({ name }) => [name, read(name, join(folder, name, 'language.json'))]));
}

function read(name: string, path: string): Language {
  const result = language.safeParse(JSON.parse(readFileSync(path, 'utf8')));
  if (!result.success) throw new Error(`${path} is not usable: ${z.prettifyError(result.error)}`);
  const {
    title,
    version,
    packages,
    file_name: fileName,
    extensions,
    commands,
    aliases,
    errors,
  } = result.data;
  const frameworks = Object.keys(commands).filter((key) => !NOT_FRAMEWORKS.includes(key));
  const installs = commands.install !== undefined;
  return { name, title, version, packages, fileName, extensions, frameworks, aliases, installs, errors };
}

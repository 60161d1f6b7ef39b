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

/** A `language.json`; README.md beside this file says what each member means. */
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
  /** The name of its folder, as submissions give it. */
  name: string;
  title: string;
  /** Of its interpreter in the images of pods. */
  version: string;
  /** What programs may use beside the standard library, with versions. */
  packages: Record<string, string>;
  /** The name under which the message's `code` is run. */
  fileName: string;
  extensions: string[];
  /** Names of the commands that run test files. */
  frameworks: string[];
  /** Other names of frameworks, each with the command that it stands for. */
  aliases: Record<string, string>;
  /** Whether requirements can be installed. */
  installs: boolean;
  errors: ErrorPatterns;
}

/** How to read what went wrong in a program's stderr. */
export type ErrorPatterns = z.infer<typeof language>['errors'];

const NOT_FRAMEWORKS = ['run', 'check', 'install'];

/**
 * Reads all languages of the folder.
 * @throws Error that names the file and the member at fault
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

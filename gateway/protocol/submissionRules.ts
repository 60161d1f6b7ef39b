import type { Language } from '../../sandbox/languages/languages';

/** What this platform allows in a submission. Messages of clients are checked against it. */
export interface SubmissionRules {
  /** Languages by name. */
  languages: Map<string, Language>;
  /** Maximum size of all text in a submission, in bytes of UTF-8. */
  maxCodeBytes: number;
  /** The maximum that a submission may set in its `limits`. */
  limits: { wall_seconds: number; interactive_seconds: number; memory_mb: number; output_bytes: number };
}

/** The language of a submission that does not name one, and whose entrypoint has no known extension. */
export const DEFAULT_LANGUAGE = 'python';

/**
 * The same limits as in sandbox/test-pod/supervisor/request.py: what is accepted here is not refused there.
 */
export const MOST = {
  files: 100,
  fileNameBytes: 1_024,
  fileNamePartBytes: 255,
  fileNameParts: 16,
  args: 100,
  argsBytes: 65_536,
  env: 100,
  envBytes: 65_536,
  cases: 100,
  requirements: 50,
  requirementCharacters: 200,
  nameCharacters: 200,
} as const;

/**
 * Maximum number of values in one message, because each takes time to check. About twice what the other
 * limits allow together.
 */
export const MOST_VALUES = 20_000;

/** The least memory in which an interpreter can start, in mebibytes. */
export const LEAST_MEMORY_MB = 32;

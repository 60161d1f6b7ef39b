import type { Language } from '../../sandbox/languages/languages';

/** What this platform allows a submission; clients' messages are checked against it. */
export interface SubmissionRules {
  /** By name. */
  languages: Map<string, Language>;
  /** All text of a submission together, in bytes of UTF-8. */
  maxCodeBytes: number;
  /** The most that a submission may ask for in its `limits`. */
  limits: { wall_seconds: number; interactive_seconds: number; memory_mb: number; output_bytes: number };
}

/** The language of a submission that neither names one nor has an entrypoint of a known extension. */
export const DEFAULT_LANGUAGE = 'python';

/** The same bounds as in sandbox/test-pod/supervisor/request.py: what passes here is not refused there. */
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

/** Most values in one message: about twice what the other bounds allow together. Each costs time to check. */
export const MOST_VALUES = 20_000;

/** Least memory that an interpreter can start in, in mebibytes. */
export const LEAST_MEMORY_MB = 32;

import type { SubmissionRules } from '../../../gateway/protocol/submissionRules';
import { loadLanguages } from '../../../sandbox/languages/languages';

const languages = loadLanguages();
const python = languages.get('python')!;

/** Platform rules for tests: the real languages, of which Python supports requirements, and small limits. */
export const rules: SubmissionRules = {
  languages: new Map([...languages, ['python', { ...python, installs: true }]]),
  maxCodeBytes: 1_000,
  limits: { wall_seconds: 10, interactive_seconds: 20, memory_mb: 256, output_bytes: 1_000_000 },
};

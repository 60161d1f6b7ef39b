import { z } from 'zod';
import { files } from './files';
import { args } from './arguments';
import { MOST } from './submissionRules';
import { fields, text } from './schemaHelpers';

const testCase = fields({
  name: text().min(1).max(MOST.nameCharacters).optional(),
  stdin: text().optional(),
  args: args().optional().describe('Instead of the arguments of the submission.'),
  expected_stdout: text().describe('Blanks at ends of lines and empty lines at the end do not count.'),
});

/**
 * Tests in one of two forms: test cases, which nothing in the pod can forge, or files of a test framework.
 */
export function tests() {
  return fields({
    cases: z.array(testCase).min(1).max(MOST.cases).optional(),
    framework: z.string().optional().describe('A test framework of the language, such as pytest.'),
    files: files().optional(),
  }).superRefine((value, context) => {
    const say = (message: string, ...path: string[]) => context.addIssue({ code: 'custom', message, path });
    if (value.cases === undefined && value.framework === undefined)
      return say('must have either cases, or a framework and its files');
    if (value.cases === undefined) {
      if (value.files === undefined) say('is missing: a framework needs its test files', 'files');
      return;
    }
    if (value.framework !== undefined) say('cannot be combined with cases', 'framework');
    if (value.files !== undefined) say('cannot be combined with cases', 'files');
  });
}

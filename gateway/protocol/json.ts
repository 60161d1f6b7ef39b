import { errorFrame, type ErrorFrame } from './errorFrame';
import { knownSubmissionId } from './identifiers';
import { PROTOTYPE, valuesIn } from './size';
import { MOST_VALUES } from './submissionRules';
import { faultyField } from './validationErrors';

/**
 * Parses the JSON of a message. Refuses names that JavaScript could take for an object's prototype, and more values
 * than the gateway could check in time. Never throws: it returns the error frame to answer with.
 */
export function parseJson(
  text: string,
): { json: unknown; error?: never } | { json?: never; error: ErrorFrame } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    const cause = error instanceof Error ? error.message : String(error);
    return { error: errorFrame('invalid_json', `the message is not JSON: ${cause}`) };
  }
  const { count, largest, prototype } = valuesIn(json);
  if (prototype) return { error: faultyField('invalid_message', [PROTOTYPE], 'cannot be a name', {}) };
  if (count > MOST_VALUES) {
    const words = `the message has ${count} values, most of them in ${largest}, and the limit is ${MOST_VALUES}: send fewer`;
    const details = { field: largest, limit: MOST_VALUES, submission_id: knownSubmissionId(json) };
    return { error: errorFrame('invalid_message', words, details) };
  }
  return { json };
}

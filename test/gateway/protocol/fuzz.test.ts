import * as fc from 'fast-check';
import { errorFrameSchema } from '../../../gateway/protocol/errorFrame';
import { messageParser } from '../../../gateway/protocol/clientMessages';
import { protocolSchema } from '../../../gateway/protocol/jsonSchema';
import { rules } from './rules';
import { valuesOf, type Schema } from './values';

/** For any input, the result is a message or a typed error that names the field. */

const parseText = messageParser(rules);

const { $defs } = protocolSchema(rules) as { $defs: { client_message: Schema } };

test.each([
  ['any text', fc.string({ unit: 'binary' }), 500],
  ['any JSON', fc.json(), 500],
  [
    'what the schema nearly describes',
    valuesOf($defs.client_message).map((value) => JSON.stringify(value)),
    3_000,
  ],
])('%s is a message, or an error that names its field', (_name, frames, numRuns) => {
  const seen = { messages: 0, errors: 0 };
  fc.assert(
    fc.property(frames, (frame) => {
      const { message, error } = parseText(frame);
      if (message) return void seen.messages++;
      seen.errors++;
      errorFrameSchema.parse(JSON.parse(JSON.stringify(error)));
      const whole =
        error.code === 'invalid_json' || error.message.startsWith('the message must be an object');
      expect(error.field === undefined).toBe(whole);
    }),
    { numRuns },
  );
  if (numRuns > 500) expect(Math.min(seen.messages, seen.errors)).toBeGreaterThan(20);
});

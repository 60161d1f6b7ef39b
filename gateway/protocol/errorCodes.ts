/** What a client can do about an error, by its code. There are no other codes. */
export const ADVICE = {
  invalid_json: 'Correct the message.',
  invalid_message: 'Correct the field that is named.',
  code_too_large: 'Send less text.',
  binary_not_supported: 'Send text frames.',
  too_many_in_flight: 'Wait for one of them to end, or open another connection.',
  too_many_messages: 'Send fewer messages; wait for retry_after_seconds.',
  too_many_submissions: 'Wait for retry_after_seconds, then send it again with the same submission_id.',
  forbidden: 'Use a key of that user, or an admin key.',
  conflict: 'Use another submission_id.',
  not_interactive: 'Submit it again with interactive: true.',
  not_running: 'Nothing to do: the program has already exited.',
  too_much_input: 'Send less; give a program much data as one of its files.',
  not_found: 'Check the address and the id. A submission whose history has expired must be submitted again.',
  unauthorized: 'Send a valid key in the header X-API-Key.',
  method_not_allowed: 'Use a method that the header Allow names.',
  unsupported_media_type: 'Send JSON, with the header Content-Type: application/json.',
  upgrade_required: 'Open a WebSocket there.',
  unavailable: 'Try again after a moment, with the same submission_id.',
  internal:
    'Try again; contact the operator if it persists. A submission that had started continues: resume it.',
} as const;

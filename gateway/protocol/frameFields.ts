/** Fields that many frames share. */
import { z } from 'zod';

export const submission_id = z.string().describe('The submission that the frame is about.');
export const cursor = z
  .string()
  .describe('Place of the frame in the submission: the same each time it is followed.');
export const at = z.iso.datetime().describe('When it happened, by the clock of Temporal.');

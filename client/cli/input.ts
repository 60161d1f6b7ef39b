import { setTimeout as wait } from 'node:timers/promises';
import { ApiError, type OrchestrationClient } from '..';
import type { Terminal } from './display';

/** The most input that one call may carry, in bytes. See docs/protocol.md. */
const MAX_CHUNK_BYTES = 65_536;

const RETRY_DELAY_MS = 500;

/**
 * Forwards the terminal's input to a submission until the input ends. If that fails, stops and reports it.
 */
export function forwardInput(
  client: OrchestrationClient,
  submissionId: string,
  terminal: Terminal,
): { stop: () => Promise<void> } {
  const stopped = new AbortController();
  const input = terminal.input();
  let offset = 0;
  const send = async (data: Uint8Array, eof: boolean) => {
    for (;;) {
      try {
        ({ received: offset } = await client.stdin(submissionId, data, { offset, eof }));
        return;
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 'too_many_messages') throw error;
        await wait(RETRY_DELAY_MS, undefined, { signal: stopped.signal });
      }
    }
  };
  const forwarding = (async () => {
    for await (const chunk of input as AsyncIterable<Buffer>)
      for (let start = 0; start < chunk.length; start += MAX_CHUNK_BYTES)
        await send(chunk.subarray(start, start + MAX_CHUNK_BYTES), false);
    await send(new Uint8Array(), true);
  })().catch((error: unknown) => {
    const hasEnded = error instanceof ApiError && error.code === 'not_running';
    if (!stopped.signal.aborted && !hasEnded)
      terminal.err(`failed to send input: ${error instanceof Error ? error.message : String(error)}\n`);
  });
  return {
    stop: async () => {
      stopped.abort();
      input.destroy();
      await forwarding;
    },
  };
}

import type { Client } from '@temporalio/client';
import { PRODUCTION_ORDER, TEST_QUEUE } from '../../workflows/contract';
import type { Replayer } from '../replay/replayer';
import { forGate, fromQuery } from '../replay/sources';

export interface Gate {
  /** The number of runs that this workflow code can continue. */
  ok: number;
  /** Runs that it cannot continue, each with the reason. */
  refused: { run: string; reason: string }[];
}

/**
 * Replays all open runs, and some closed ones, with the given workflow code.
 * @param which `all`, or `moving`: only the runs that move to a new version as soon as it is current
 */
export async function replayGate(
  client: Client,
  replayer: Replayer,
  taskQueue: string,
  { closed, which }: { closed: number; which: 'all' | 'moving' },
): Promise<Gate> {
  const types = `WorkflowType IN ('${PRODUCTION_ORDER}', '${TEST_QUEUE}')`;
  const moving = `TaskQueue = '${taskQueue}' AND ${types} AND ExecutionStatus = 'Running'`;
  const sources = which === 'all' ? forGate(client, taskQueue, closed) : fromQuery(client, moving, Infinity);
  const gate: Gate = { ok: 0, refused: [] };
  for await (const { name, workflowId, history } of sources) {
    const replay = await replayer.replay(await history(), workflowId);
    if (replay.outcome === 'ok') gate.ok++;
    else gate.refused.push({ run: name, reason: replay.message.trim() });
  }
  return gate;
}

import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@elastic/elasticsearch';
import type { Kube } from '../../../infrastructure/kubernetes/api/client';
import type { Platform } from '../platform';
import type { Random } from '../random';

/** What faults reach. */
export interface Reach {
  platform: Platform;
  kube: Kube;
  elasticsearch: Client;
  /** Users whose objects may be harmed. */
  users: string[];
  /** Aborted when somebody stops the run: what is harmed is healed at once then. */
  stopped: AbortSignal;
}

/** How long harm lasts: so many milliseconds, or until somebody stops the run. */
export async function harmFor(ms: number, { stopped }: Reach): Promise<void> {
  await wait(ms, undefined, { signal: stopped }).catch((error: unknown) => {
    if (!stopped.aborted) throw error;
  });
}

/** Harm that was done. */
export interface Harm {
  /** Such as `worker 1 for 14 s`. */
  what: string;
  /** Whose things were harmed, when it is one user's. */
  user?: string;
  /** Whether an execution of tests may have gone with it: of that user, or of anybody. */
  executionsLost?: true;
  /** Whether something that is live may be gone for good with it, until that user deploys again. */
  productionLost?: true;
  /**
   * Ends the harm, as whoever repairs it would, and resolves when what was harmed serves again. Nobody repairs
   * what was deleted but the cluster and the platform, each in its own time.
   */
  heal?: () => Promise<void>;
}

/** Does harm. Resolves with null when there is nothing to harm at the moment. */
export type Fault = (reach: Reach, random: Random) => Promise<Harm | null>;

/** Longest time in which something that was harmed has to serve again, in milliseconds. */
export const HEALED_WITHIN_MS = 180_000;

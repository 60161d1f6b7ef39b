import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@elastic/elasticsearch';
import type { Kube } from '../../../infrastructure/kubernetes/api/client';
import type { Platform } from '../platform';
import type { Random } from '../random';

/** What faults can affect. */
export interface Reach {
  platform: Platform;
  kube: Kube;
  elasticsearch: Client;
  /** Users whose objects may be harmed. */
  users: string[];
  /** Aborted when the run is stopped: everything harmed is then healed at once. */
  stopped: AbortSignal;
}

/** Waits while harm lasts: `ms` milliseconds, or until the run is stopped. */
export async function harmFor(ms: number, { stopped }: Reach): Promise<void> {
  await wait(ms, undefined, { signal: stopped }).catch((error: unknown) => {
    if (!stopped.aborted) throw error;
  });
}

/** Harm that a fault did. */
export interface Harm {
  /** For example `worker 1 for 14 s`. */
  what: string;
  /** The user whose objects were harmed, when only one user is affected. */
  user?: string;
  /** Whether an execution of tests may have been lost: of that user, or of any user. */
  executionsLost?: true;
  /** Whether something live may be lost, until that user deploys again. */
  productionLost?: true;
  /**
   * Repairs the harm, and resolves when everything works again. Undefined for deleted objects: only the
   * cluster and the platform restore these, each in its own time.
   */
  heal?: () => Promise<void>;
}

/** Does harm. Resolves with null when there is currently nothing to harm. */
export type Fault = (reach: Reach, random: Random) => Promise<Harm | null>;

/** Time within which something harmed must work again, in milliseconds. */
export const HEALED_WITHIN_MS = 180_000;

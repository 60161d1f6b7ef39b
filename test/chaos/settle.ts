import { setTimeout as wait } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Kube } from '../../infrastructure/kubernetes/api/client';
import { leftInNamespace, leftInPods } from './observe/kubernetes';
import { locksOf, openWorkflows } from './observe/temporal';
import { patiently } from './patience';

/** Time to settle after the last fault, in milliseconds; recording is retried twice a minute. */
export const REST_WITHIN_MS = 300_000;

const LOOK_EVERY_MS = 2_000;

/** Checks until nothing is left, and returns what is left at the deadline. */
export async function untilNone(look: () => Promise<string[]>, withinMs = REST_WITHIN_MS): Promise<string[]> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const left = await patiently(look);
    if (left.length === 0 || Date.now() > deadline) return left;
    await wait(LOOK_EVERY_MS);
  }
}

/** Resolves with the workflows that are still open at the deadline, as text. */
export async function untilClosed(temporal: Client, taskQueue: string): Promise<string[]> {
  const open = await untilNone(() => openWorkflows(temporal, taskQueue));
  return open.map((id) => `the workflow ${id} is open`);
}

/** Resolves with what is left in the cluster and in users' deploy queues, as text. */
export async function untilClean(
  kube: Kube,
  temporal: Client,
  taskQueue: string,
  users: string[],
): Promise<string[]> {
  return untilNone(async () => {
    const inNamespaces = await Promise.all(users.map((user) => leftInNamespace(kube, user)));
    return [...inNamespaces.flat(), ...leftInPods(), ...(await locksOf(temporal, taskQueue, users))];
  });
}

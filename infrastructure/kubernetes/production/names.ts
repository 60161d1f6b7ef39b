import { createHash } from 'node:crypto';

/** Names, labels and ports of everything that a user has in production. Part of the public contract. */

/** The port on which a program that serves is expected to listen: its $PORT. */
export const PROGRAM_PORT = 8080;

/** The port of sandbox/production-pod/readiness.py. Unusual on purpose: programs may use any other one. */
export const READY_PORT = 18_080;

export const POSTGRES_PORT = 5432;

/** Role and database that sandbox/production-pod/database/entrypoint.sh creates. */
export const DATABASE_ROLE = 'app';

/** Name of the program's container, as in `kubectl logs -c program`. */
export const PROGRAM_CONTAINER = 'program';

export const DATABASE_CONTAINER = 'database';

export interface ProductionNames {
  namespace: string;
  /** Deployment and Service of the program. */
  program: string;
  /** StatefulSet, Service and Secret of the database. */
  database: string;
}

/** @param userId a DNS label of at most 40 characters: the longest name derived by Kubernetes then has 62. */
export function namesOf(userId: string): ProductionNames {
  return { namespace: `user-${userId}`, program: `${userId}-prod`, database: `${userId}-prod-db` };
}

/** Named by content: the same code has the same object, and different code never changes it. */
export function configMapOf(userId: string, codeDigest: string): string {
  return `${userId}-prod-${codeDigest.slice(0, 12)}`;
}

/** The pod that runs a submission's migration: the same for every attempt. */
export function migrationPodOf(userId: string, submissionId: string): string {
  const digest = createHash('sha256').update(submissionId).digest('hex');
  return `${userId}-prod-migrate-${digest.slice(0, 8)}`;
}

export type Component = 'program' | 'program-files' | 'migration' | 'db';

/** Labels of an object, and the selector that finds it and its pods. */
export function labelsOf(userId: string, component: Component): Record<string, string> {
  return { app: 'prod', component, 'orchestration-app/user': userId };
}

/** The same labels as a label selector. */
export function selectorOf(userId: string, component: Component): string {
  return Object.entries(labelsOf(userId, component))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

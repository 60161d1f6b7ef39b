import type { ProgramResources } from './program/resources';

/** The shapes that the port `Production` has; the worker's wiring checks that they fit. */

/** Who caused a change. */
export interface Provenance {
  userId: string;
  submissionId: string;
  workflowId: string;
  runId: string;
  /** SHA-256 of the submission's code, in hexadecimal. */
  codeDigest: string;
}

/** Code as it is deployed. */
export interface Program {
  language: string;
  files: Record<string, string>;
  entrypoint: string;
  requirements: string[];
  migrate?: string | null;
  /** Whether it served on $PORT in its tests: it is not ready before it does in production. */
  serves?: boolean;
  /** What it is started with, as in its tests; with nothing when absent. */
  given?: GivenInput;
}

export interface GivenInput {
  stdin: string;
  args: string[];
}

/** What a pod must know to start a program whose files a ConfigMap holds. */
export interface ProgramStart {
  language: string;
  entrypoint: string;
  /** Names of all its files. */
  files: string[];
  /** Packages that are installed before it starts. */
  requirements: string[];
  /** Whether the ConfigMap holds what it is started with. */
  hasInput?: boolean;
  /** Whether it is not ready before it serves. */
  serves?: boolean;
}

/** A program that is, or was, in production. */
export interface DeployedProgram {
  submissionId: string;
  workflowId: string;
  runId: string;
  codeDigest: string;
  /** Name of the immutable ConfigMap that holds its files. */
  configMap: string;
}

/** How long a call may go on, and how it says that it is alive. */
export interface CallContext {
  signal: AbortSignal;
  heartbeat(details?: unknown): void;
}

export interface ProductionSettings {
  /** Image with sandbox/production-pod/entry.py. */
  programImage: string;
  /** Image with sandbox/production-pod/database/entrypoint.sh, and the PostgreSQL of new databases (POSTGRESQL_MAJOR). */
  databaseImage: string;
  /** The same with an older PostgreSQL, by major version: for databases that have data of that. */
  olderDatabaseImages?: Readonly<Record<string, string>>;
  /** Where requirements come from; a program that has some is rejected when it is not given. */
  packageIndexUrl?: string | undefined;
  /** What a program gets of a node; PROGRAM_RESOURCES when not given. */
  resources?: ProgramResources | undefined;
  /** StorageClass of database volumes; the cluster's default when not given. */
  storageClass?: string | undefined;
}

import type { ProgramResources } from './program/resources';

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

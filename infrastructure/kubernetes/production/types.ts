import type { V1HostAlias } from '@kubernetes/client-node';
import type { PackageIndex } from '../packageIndex';
import type { ProgramResources } from './program/resources';

/** How a pod starts a program whose files a ConfigMap contains. */
export interface LaunchSpec {
  language: string;
  entrypoint: string;
  /** Names of all its files. */
  files: string[];
  /** Packages that are installed before it starts. */
  requirements: string[];
  /** Whether the ConfigMap also contains the program's input. */
  hasInput?: boolean;
  /** Whether it is ready only when it serves. */
  serves?: boolean;
  /** The host names that it can resolve (hostAliases.ts). */
  hostAliases: V1HostAlias[];
}

export interface ProductionSettings {
  /** Image with sandbox/production-pod/entry.py. */
  programImage: string;
  /** Image with sandbox/production-pod/database/entrypoint.sh, and the PostgreSQL of new databases (POSTGRESQL_MAJOR). */
  databaseImage: string;
  /** The same with an older PostgreSQL, by major version: for databases whose data have that version. */
  olderDatabaseImages?: Readonly<Record<string, string>>;
  /** When not given, a program with requirements is rejected. */
  packageIndex?: PackageIndex | undefined;
  /** CPU and memory of a program; PROGRAM_RESOURCES when not given. */
  resources?: ProgramResources | undefined;
  /** StorageClass of database volumes; the cluster's default when not given. */
  storageClass?: string | undefined;
}

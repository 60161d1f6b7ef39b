import type { V1EnvVar, V1HostAlias } from '@kubernetes/client-node';
import type { Plans } from '../../config/plans';
import type { EgressSettings } from '../egress/policy';
import type { PackageIndex } from '../packageIndex';
import type { PodDns } from '../pods/security';
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
  /** Whether its database is new and starts at the same time, so that it waits for it as long as that may take. */
  databaseStarts?: boolean;
  /** What it can resolve and reach (program/network.ts). */
  network: PodNetwork;
}

/** What the network of a user's pod depends on beside the pod itself. */
export interface PodNetwork {
  /** Host names that it resolves without DNS: of its database, for example. */
  hostAliases: V1HostAlias[];
  dns: PodDns;
  /** With which programs use the egress proxy. */
  proxyVariables: V1EnvVar[];
}

export interface ProductionSettings extends EgressSettings {
  /** Image with sandbox/production-pod/entry.py. */
  programImage: string;
  /** Image with sandbox/production-pod/database/entrypoint.sh, and the PostgreSQL of new databases (POSTGRESQL_MAJOR). */
  databaseImage: string;
  /** The same with an older PostgreSQL, by major version: for databases whose data have that version. */
  olderDatabaseImages?: Readonly<Record<string, string>>;
  /** Plans that users may have, of which production applies `egress`. */
  plans?: Plans | undefined;
  /** When not given, a program with requirements is rejected. */
  packageIndex?: PackageIndex | undefined;
  /** CPU and memory of a program; PROGRAM_RESOURCES when not given. */
  resources?: ProgramResources | undefined;
  /** StorageClass of database volumes; the cluster's default when not given. */
  storageClass?: string | undefined;
}

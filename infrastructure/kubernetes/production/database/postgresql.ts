import type { V1StatefulSet } from '@kubernetes/client-node';
import { DATABASE_CONTAINER } from '../names';
import type { ProductionSettings } from '../types';

/** Major version of PostgreSQL in the image for new databases (`databaseImage`). */
export const POSTGRESQL_MAJOR = '17';

/** Annotation of the StatefulSet: the major version of its data. Only an upgrade changes it. */
export const MAJOR_ANNOTATION = 'orchestration-app/postgresql-major';

/** Annotation of the StatefulSet, from an upgrade until the next change: the earlier major version. */
export const UPGRADED_FROM_ANNOTATION = 'orchestration-app/postgresql-upgraded-from';

/** The version that a database runs. `major` is null while the version of its data is unknown. */
export interface DatabaseVersion {
  major: string | null;
  image: string;
  upgradedFrom?: string;
}

/** The major version in the StatefulSet's annotation; null if an earlier release created it. */
export function majorOf(statefulSet: V1StatefulSet): string | null {
  return statefulSet.metadata?.annotations?.[MAJOR_ANNOTATION] ?? null;
}

/**
 * The version that a database must keep. PostgreSQL cannot read data of another major version, so an existing
 * database never gets another version here. If no image of its version is configured, or its version is
 * unknown, it also keeps its image.
 * @param existing null for a new database
 * @param major of the existing data, if it is known
 */
export function versionFor(
  existing: V1StatefulSet | null,
  major: string | null,
  settings: Pick<ProductionSettings, 'databaseImage' | 'olderDatabaseImages'>,
): DatabaseVersion {
  if (existing === null) return { major: POSTGRESQL_MAJOR, image: settings.databaseImage };
  const own = imageOf(existing) ?? settings.databaseImage;
  if (major === null) return { major, image: own };
  if (major === POSTGRESQL_MAJOR) return { major, image: settings.databaseImage };
  return { major, image: settings.olderDatabaseImages?.[major] ?? own };
}

function imageOf({ spec }: V1StatefulSet): string | undefined {
  return spec?.template.spec?.containers.find(({ name }) => name === DATABASE_CONTAINER)?.image;
}

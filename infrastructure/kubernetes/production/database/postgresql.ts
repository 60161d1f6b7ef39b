import type { V1StatefulSet } from '@kubernetes/client-node';
import { DATABASE_CONTAINER } from '../names';
import type { ProductionSettings } from '../types';

/** Major version of PostgreSQL in the image for new databases (`databaseImage`). */
export const POSTGRESQL_MAJOR = '17';

/** On the StatefulSet: the major version of its data. It changes by an upgrade alone. */
export const MAJOR_ANNOTATION = 'orchestration-app/postgresql-major';

/** On the StatefulSet, from an upgrade until the next change: the major version before it. */
export const UPGRADED_FROM_ANNOTATION = 'orchestration-app/postgresql-upgraded-from';

/** What a database runs. `major` is null as long as nothing is known of its data. */
export interface DatabaseVersion {
  major: string | null;
  image: string;
  upgradedFrom?: string;
}

/** The major version that the StatefulSet names; null on one that an earlier release made. */
export function majorOf(statefulSet: V1StatefulSet): string | null {
  return statefulSet.metadata?.annotations?.[MAJOR_ANNOTATION] ?? null;
}

/**
 * The version that a database has to keep. Data of one major version are not readable by another, so what exists never
 * gets another one here; where no image of its version is configured, or nothing is known of it, it keeps its image.
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

import {
  majorOf,
  MAJOR_ANNOTATION,
  POSTGRESQL_MAJOR,
  UPGRADED_FROM_ANNOTATION,
  versionFor,
} from '../../../../../infrastructure/kubernetes/production/database/postgresql';
import { databaseStatefulSet } from '../../../../../infrastructure/kubernetes/production/database/manifests';
import { olderPostgresql, versions } from '../../../../../local-stack/versions';

const settings = {
  programImage: 'program:1',
  databaseImage: 'database:17',
  olderDatabaseImages: { '15': 'database:15' },
};
const provenance = { userId: 'ada', submissionId: 's', workflowId: 'w', runId: 'r', codeDigest: 'd' };

const statefulSet = (major: string | null, image: string) =>
  databaseStatefulSet(provenance, settings, { major, image }, null);

test('new databases are of the version that the images here bring', () => {
  expect(POSTGRESQL_MAJOR).toBe(versions.postgresql);
  expect(versionFor(null, null, settings)).toEqual({ major: POSTGRESQL_MAJOR, image: 'database:17' });
});

test('there is a setting for each older version that has an image here', () => {
  expect(Object.keys(settings.olderDatabaseImages)).toEqual(Object.keys(olderPostgresql));
});

test.each([
  ['of an older version gets the image of that', '15', 'old', 'database:15'],
  ['of the current version follows a new image', '17', 'old', 'database:17'],
  ['of a version without an image here keeps its image', '16', 'database:16', 'database:16'],
])('a database %s', (_, major, before, image) => {
  expect(versionFor(statefulSet(major, before), major, settings)).toEqual({ major, image });
});

test('a database of which nothing is known keeps its image, and no version is written on it', () => {
  const existing = statefulSet(null, 'postgres-of-before');
  const version = versionFor(existing, null, settings);
  expect(version).toEqual({ major: null, image: 'postgres-of-before' });
  const applied = databaseStatefulSet(provenance, settings, version, null);
  expect(majorOf(applied)).toBeNull();
  expect(applied.metadata?.annotations).not.toHaveProperty([MAJOR_ANNOTATION]);
});

test('the version stands on the StatefulSet, and what it was upgraded from', () => {
  const version = { major: '17', image: 'database:17', upgradedFrom: '15' };
  const { metadata } = databaseStatefulSet(provenance, settings, version, null);
  expect(metadata?.annotations).toMatchObject({
    [MAJOR_ANNOTATION]: '17',
    [UPGRADED_FROM_ANNOTATION]: '15',
  });
});

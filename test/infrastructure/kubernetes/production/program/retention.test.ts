import { filesToDelete } from '../../../../../infrastructure/kubernetes/production/program/retention';

/** ConfigMaps p1 (oldest) to pN, in the API's order: by name, not by age. */
const programs = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    metadata: { name: `p${index + 1}`, creationTimestamp: new Date(2026, 0, index + 1) },
  })).sort((one, other) => one.metadata.name.localeCompare(other.metadata.name));

it('keeps everything within the history', () => {
  expect(filesToDelete(programs(10), new Set(), 10)).toEqual([]);
});

it('deletes the oldest beyond it', () => {
  expect(filesToDelete(programs(12), new Set(), 10)).toEqual(['p2', 'p1']);
});

it('never deletes what is in use, however old', () => {
  expect(filesToDelete(programs(12), new Set(['p1', undefined]), 10)).toEqual(['p2']);
});

import { withTestedVersions } from '../../workflows/asTested';

const program = {
  language: 'python',
  files: { 'main.py': '' },
  entrypoint: 'main.py',
  requirements: ['six'],
};

test('a program is deployed with the versions that were installed for its tests', () => {
  expect(withTestedVersions(program, { steps: [], installed: ['six==1.17.0'] }).requirements).toEqual([
    'six==1.17.0',
  ]);
  expect(withTestedVersions(program, { steps: [] })).toEqual(program);
});

test('a program that served in one of its tests has to serve in production', () => {
  expect(withTestedVersions(program, { steps: [{ serving: false }, { serving: true }] })).toEqual({
    ...program,
    serves: true,
  });
  expect(withTestedVersions(program, { steps: [{ serving: false }] })).not.toHaveProperty('serves');
});

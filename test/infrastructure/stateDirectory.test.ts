import { stateDirectoryOf } from '../../infrastructure/config/stateDirectory';

const HOME = '/home/ada';

test.each([
  [{ HOME }, '/home/ada/.local/state/orchestration-app'],
  [{ HOME, LOCAL_STACK_NUMBER: '' }, '/home/ada/.local/state/orchestration-app'],
  [{ HOME, LOCAL_STACK_NUMBER: '3' }, '/home/ada/.local/state/orchestration-app-3'],
  [{ HOME, XDG_STATE_HOME: '/state' }, '/state/orchestration-app'],
  [{ HOME, ORCHESTRATION_STATE_DIR: '/elsewhere' }, '/elsewhere'],
])('%j: the state is in %s', (environment, directory) => {
  expect(stateDirectoryOf(environment)).toBe(directory);
});

test.each(['12', 'two', '0.0', ' ', '../x'])('the number of a stack cannot be %j', (LOCAL_STACK_NUMBER) => {
  expect(() => stateDirectoryOf({ HOME, LOCAL_STACK_NUMBER })).toThrow('must be 0 to 9');
});

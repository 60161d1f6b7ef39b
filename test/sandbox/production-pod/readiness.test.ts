import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

it('the rules of readiness hold (see readiness_test.py)', () => {
  const { status, stderr } = spawnSync('python3', ['-B', join(__dirname, 'readiness_test.py')], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
});

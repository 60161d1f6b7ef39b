import { readConfig } from '../../infrastructure/config/config';

test('variables that are not set, or set to nothing, have their defaults', () => {
  expect(readConfig(['PORT', 'HOST'], { PORT: '' })).toEqual({ PORT: 8000, HOST: '0.0.0.0' });
});

test('numbers are numbers', () => {
  expect(readConfig(['PORT', 'RUN_WALL_SECONDS'], { PORT: '9000', RUN_WALL_SECONDS: '2.5' })).toEqual({
    PORT: 9000,
    RUN_WALL_SECONDS: 2.5,
  });
});

test('one message names every variable at fault and what is wrong with each', () => {
  const environment = { PORT: 'http', API_KEY: 'short', ELASTICSEARCH_HOST: 'elastic' };
  const read = () => readConfig(['API_KEY', 'PORT', 'ELASTICSEARCH_HOST'], environment);
  expect(read).toThrow(
    /API_KEY must have at least 16 characters; PORT must be a number; ELASTICSEARCH_HOST /,
  );
});

test('an API key has no default', () => {
  expect(() => readConfig(['API_KEY'], {})).toThrow('API_KEY is missing');
});

test('nodes and taints are written as kubectl takes them', () => {
  const environment = {
    TEST_NODE_SELECTOR: 'pool=tests,example.com/disk=ssd',
    TEST_TOLERATIONS: 'pool=tests:NoSchedule,busy:NoExecute',
  };
  expect(readConfig(['TEST_NODE_SELECTOR', 'TEST_TOLERATIONS'], environment)).toEqual({
    TEST_NODE_SELECTOR: { pool: 'tests', 'example.com/disk': 'ssd' },
    TEST_TOLERATIONS: [
      { key: 'pool', operator: 'Equal', value: 'tests', effect: 'NoSchedule' },
      { key: 'busy', operator: 'Exists', effect: 'NoExecute' },
    ],
  });
  expect(() => readConfig(['TEST_NODE_SELECTOR'], { TEST_NODE_SELECTOR: 'tests' })).toThrow(
    'TEST_NODE_SELECTOR must be labels',
  );
  expect(() => readConfig(['TEST_TOLERATIONS'], { TEST_TOLERATIONS: 'pool=tests' })).toThrow(
    'TEST_TOLERATIONS must be taints',
  );
});

test('trusted proxies are addresses, ranges and names of them', () => {
  const read = (TRUSTED_PROXIES: string) => readConfig(['TRUSTED_PROXIES'], { TRUSTED_PROXIES });
  expect(read('')).toEqual({ TRUSTED_PROXIES: [] });
  expect(read('loopback, 10.0.0.0/8,::1')).toEqual({ TRUSTED_PROXIES: ['loopback', '10.0.0.0/8', '::1'] });
  expect(() => read('loopback,10.0.0.0/40')).toThrow(
    'TRUSTED_PROXIES has "10.0.0.0/40", which is no address',
  );
  expect(() => read('loopback,')).toThrow('TRUSTED_PROXIES has ""');
});

test('plans are JSON, and a message says which field of which plan is at fault', () => {
  const plans = (USER_PLANS: string) => readConfig(['USER_PLANS'], { USER_PLANS }).USER_PLANS;
  expect(plans('{"large": {"cpus": 16}}')).toEqual({ large: { cpus: 16 } });
  expect(() => plans('{"large": {"pods": 1}}')).toThrow('USER_PLANS large.pods must be at least 4');
  expect(() => plans('{"large": {"disks": 1}}')).toThrow(/USER_PLANS large .*disks/);
  expect(() => plans('large')).toThrow('USER_PLANS must be JSON');
});

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
    /API_KEY must have at least 16 characters; PORT must be a whole number from 0 to 65535; ELASTICSEARCH_HOST must be a URL /,
  );
});

test('an API key has no default', () => {
  expect(() => readConfig(['API_KEY'], {})).toThrow(
    'API_KEY is not set: choose a secret of at least 16 characters',
  );
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

test.each([
  ['MAX_CODE_BYTES', '1000001', 'must be a whole number from 1 to 1000000: a ConfigMap holds 1 MiB'],
  ['MAX_CODE_BYTES', '1.5', 'must be a whole number from 1 to 1000000: a ConfigMap holds 1 MiB'],
  ['AUDIT_SPOOL_MB', '0.5', 'must be a whole number of at least 1'],
  ['RUN_WALL_SECONDS', '0', 'must be a number of seconds, more than 0 and at most 600'],
  ['PROGRAM_CPUS', 'two', 'must be a number of CPUs of at least 0.001'],
  ['LOG_LEVEL', 'loud', 'must be trace, debug, info, warn, error or fatal'],
  ['KIBANA_URL', 'kibana:5601', 'must be an HTTP URL such as http://127.0.0.1:5601'],
] as const)('the message about %s=%s says once what is valid', (name, value, message) => {
  expect(() => readConfig([name], { [name]: value })).toThrow(
    `Invalid configuration: ${name} ${message}. .env.example describes each variable.`,
  );
});

test('trusted proxies are addresses, ranges and names of them', () => {
  const read = (TRUSTED_PROXIES: string) => readConfig(['TRUSTED_PROXIES'], { TRUSTED_PROXIES });
  expect(read('')).toEqual({ TRUSTED_PROXIES: [] });
  expect(read('loopback, 10.0.0.0/8,::1')).toEqual({ TRUSTED_PROXIES: ['loopback', '10.0.0.0/8', '::1'] });
  expect(() => read('loopback,10.0.0.0/40')).toThrow(
    'TRUSTED_PROXIES has "10.0.0.0/40": each entry must be an IP address',
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

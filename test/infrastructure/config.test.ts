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
  ['TEST_CPU_REQUEST', '2', 'must be a number of CPUs of at least 0.001 and at most 1'],
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

test('egress of a plan is ranges, the internet or hosts; an invalid one is named with its plan, and an example', () => {
  const read = (value: unknown) =>
    readConfig(['USER_PLANS'], { USER_PLANS: JSON.stringify({ large: { egress: value } }) }).USER_PLANS?.large
      ?.egress;
  expect(read({})).toEqual({ internet: false, ranges: [], hosts: [] });
  expect(read({ ranges: ['203.0.113.0/24', { cidr: '2001:db8::/32', ports: [443] }] })).toMatchObject({
    ranges: [{ cidr: '203.0.113.0/24' }, { cidr: '2001:db8::/32', ports: [443] }],
  });
  expect(read({ hosts: ['api.example.com', { host: '*.example.com', ports: [5432] }] })).toMatchObject({
    hosts: [
      { host: 'api.example.com', ports: [443, 80] },
      { host: '*.example.com', ports: [5432] },
    ],
  });
  const invalid: [unknown, string][] = [
    ['internet', ' must be an object such as {"ranges": ["203.0.113.0/24"]}'],
    [{ interne: true }, ' Unrecognized key: "interne"'],
    [{ internet: 'yes' }, '.internet must be true or false'],
    [{ ranges: '203.0.113.0/24' }, '.ranges must be a list such as ["203.0.113.0/24"'],
    [{ ranges: ['203.0.113.0'] }, '.ranges.0.cidr must be a range of addresses such as 203.0.113.0/24'],
    [{ ranges: ['203.0.113.0/33'] }, '.ranges.0.cidr must be a range of addresses such as 203.0.113.0/24'],
    [{ ranges: ['::ffff:10.0.0.0/104'] }, '.ranges.0.cidr must be a range of addresses'],
    [{ ranges: ['0.0.0.0/0'] }, '.ranges.0.cidr must not contain every address'],
    [
      { ranges: [{ cidr: '203.0.113.0/24', ports: [0] }] },
      '.ranges.0.ports.0 must be a port from 1 to 65535',
    ],
    [
      { ranges: [{ cidr: '203.0.113.0/24', ports: 443 }] },
      '.ranges.0.ports must be a list of ports such as [443]',
    ],
    [
      { ranges: [{ cidr: '203.0.113.0/24', ports: [] }] },
      '.ranges.0.ports must have at least 1 port such as 443',
    ],
    [{ ranges: Array(51).fill('203.0.113.0/24') }, '.ranges must have at most 50 ranges'],
    [{ hosts: ['10.0.0.1'] }, '.hosts.0.host must be a host name in lowercase, such as api.example.com'],
    [{ hosts: ['*.com'] }, '.hosts.0.host must be a host name in lowercase'],
    [{ hosts: ['a.*.com'] }, '.hosts.0.host must be a host name in lowercase'],
    [{ hosts: ['http://example.com'] }, '.hosts.0.host must be a host name in lowercase'],
    [{ hosts: Array(51).fill('example.com') }, '.hosts must have at most 50 hosts'],
    [{ internet: true, hosts: ['example.com'] }, '.hosts must be left out with "internet": true'],
  ];
  for (const [value, message] of invalid)
    expect(() => read(value)).toThrow(`USER_PLANS large.egress${message}`);
});

test('DNS servers of the cluster are ranges with a port', () => {
  const read = (CLUSTER_DNS: string) => readConfig(['CLUSTER_DNS'], { CLUSTER_DNS }).CLUSTER_DNS;
  expect(read('')).toEqual([{ cidr: '169.254.20.10/32', port: 53 }]);
  expect(read('10.199.0.1/32:10053, fd00::a/128')).toEqual([
    { cidr: '10.199.0.1/32', port: 10053 },
    { cidr: 'fd00::a/128', port: 53 },
  ]);
  for (const text of ['10.0.0.1', '10.0.0.1/33', '10.0.0.1/32:0', '10.0.0.1/32:99999', '10.0.0.1/32,'])
    expect(() => read(text)).toThrow(
      /^Invalid configuration: CLUSTER_DNS has .* such as 169\.254\.20\.10\/32/,
    );
});

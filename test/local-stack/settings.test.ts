import { readSettings } from '../../local-stack/settings';
import { readNamedServers } from '../../local-stack/namedServers';

test('state and cache are in the folders of the desktop standard, below the home folder', () => {
  const settings = readSettings({ HOME: '/home/ada' });
  expect(settings.stateDirectory).toBe('/home/ada/.local/state/orchestration-app');
  expect(settings.cacheDirectory).toBe('/home/ada/.cache/orchestration-app');
});

test('the environment moves folders and ports', () => {
  const settings = readSettings({
    HOME: '/home/ada',
    XDG_CACHE_HOME: '/cache',
    ORCHESTRATION_STATE_DIR: '/data/stack',
    LOCAL_TEMPORAL_PORT: '17233',
  });
  expect(settings.cacheDirectory).toBe('/cache/orchestration-app');
  expect(settings.stateDirectory).toBe('/data/stack');
  expect(settings.ports).toMatchObject({ temporal: 17_233, temporalUi: 8233, elasticsearch: 9200 });
});

test('every port that is none is named', () => {
  const environment = { HOME: '/h', LOCAL_TEMPORAL_PORT: 'abc', LOCAL_ETCD_PORT: '70000' };
  expect(() => readSettings(environment)).toThrow('LOCAL_TEMPORAL_PORT=abc, LOCAL_ETCD_PORT=70000');
});

test('no two stacks of one machine share a port, an address, a folder or a cgroup', () => {
  const stacks = [...'0123456789'].map((number) => readSettings({ HOME: '/h', LOCAL_STACK_NUMBER: number }));
  const all = stacks.flatMap(({ stateDirectory, ports, network, cgroup }) => [
    stateDirectory,
    cgroup,
    ...Object.values(ports),
    network.device,
    network.hostAddress,
    network.podRange,
    network.serviceRange,
  ]);
  expect(new Set(all).size).toBe(all.length);
});

test('a stack number beyond 9 is refused', () => {
  expect(() => readSettings({ HOME: '/h', LOCAL_STACK_NUMBER: '10' })).toThrow(
    'LOCAL_STACK_NUMBER must be 0 to 9, and is "10"',
  );
});

describe('servers that the environment names', () => {
  test('a kubeconfig alone names no cluster: its context may be anybody’s', () => {
    expect(readNamedServers({ KUBECONFIG: '/k' }).kubernetes).toBeUndefined();
    expect(readNamedServers({ KUBECONFIG: '/k', KUBE_CONTEXT: 'kind' }).kubernetes).toEqual({
      kubeconfig: '/k',
      context: 'kind',
    });
  });

  test('a context without a kubeconfig is a mistake', () => {
    expect(() => readNamedServers({ KUBE_CONTEXT: 'kind' })).toThrow('KUBE_CONTEXT=kind needs KUBECONFIG');
  });

  test('an empty variable names nothing', () => {
    expect(readNamedServers({ TEMPORAL_ADDRESS: '', ELASTICSEARCH_HOST: '' })).toEqual({
      temporalAddress: undefined,
      elasticsearch: undefined,
      kubernetes: undefined,
    });
  });
});

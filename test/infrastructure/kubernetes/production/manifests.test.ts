import type { V1ConfigMap, V1PodTemplateSpec } from '@kubernetes/client-node';
import {
  databaseService,
  databaseStatefulSet,
  passwordSecret,
} from '../../../../infrastructure/kubernetes/production/database/manifests';
import { migrationPod } from '../../../../infrastructure/kubernetes/production/migration/migration';
import {
  filesManifest,
  programDeployment,
  programOf,
  programService,
  launchSpecOf,
} from '../../../../infrastructure/kubernetes/production/program/manifests';
import { withNetwork } from '../../../../infrastructure/kubernetes/production/program/network';
import { programTemplate } from '../../../../infrastructure/kubernetes/production/program/podTemplate';
import { programIn } from '../../../../infrastructure/kubernetes/production/provenance';
import type { PodNetwork } from '../../../../infrastructure/kubernetes/production/types';
import { dnsOf } from '../../../../infrastructure/kubernetes/pods/security';
import { NO_EGRESS } from '../../../../infrastructure/config/egress';

const settings = { programImage: 'program:1', databaseImage: 'database:1' };
const provenance = (userId = 'test') => ({
  userId,
  submissionId: 'sub-1',
  workflowId: 'submission-sub-1',
  runId: 'run-1',
  codeDigest: 'ab'.repeat(32),
});
const code = {
  language: 'python',
  files: { 'main.py': "print('Hello')" },
  entrypoint: 'main.py',
  requirements: [],
};
const hostAliases = [{ ip: '192.0.2.5', hostnames: ['test-prod-db'] }];
const network: PodNetwork = { hostAliases, dns: dnsOf(), proxyVariables: [] };
const start = {
  ...{ language: 'python', entrypoint: 'main.py', files: ['main.py'], requirements: [] as string[] },
  network,
};

const deploymentOf = (userId = 'test') => {
  const program = programOf(provenance(userId));
  return programDeployment(userId, program, programTemplate(userId, program, start, settings), null);
};
const podOf = ({ spec }: { spec?: { template: V1PodTemplateSpec } }) => {
  const pod = spec?.template.spec;
  if (!pod) throw new Error('It makes no pods.');
  return pod;
};
const VERSION = { major: '17', image: 'database:1' };
const database = (secretUid: string | null = null) =>
  databaseStatefulSet(provenance(), settings, VERSION, secretUid);

describe.each([
  ['program', podOf(deploymentOf())],
  ['database', podOf(database())],
])('the pod of the %s', (_, pod) => {
  it('is what Pod Security restricted asks for', () => {
    expect(pod.securityContext).toMatchObject({
      runAsNonRoot: true,
      seccompProfile: { type: 'RuntimeDefault' },
    });
    for (const container of pod.containers)
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    expect(pod.volumes?.filter(({ hostPath }) => hostPath !== undefined)).toEqual([]);
  });

  it('has no way to the Kubernetes API and learns of no other service', () => {
    expect(pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
  });

  it('has requests and limits for everything it can use up', () => {
    for (const { resources } of pod.containers)
      for (const resource of ['cpu', 'memory', 'ephemeral-storage']) {
        expect(resources?.requests).toHaveProperty([resource]);
        expect(resources?.limits).toHaveProperty([resource]);
      }
  });
});

describe('the program', () => {
  it('adds a ready pod before the old one goes', () => {
    expect(deploymentOf().spec?.strategy?.rollingUpdate).toEqual({ maxSurge: 1, maxUnavailable: 0 });
  });

  it('is found by its Service, and the database is not', () => {
    const selector = programService(provenance()).spec?.selector;
    expect(deploymentOf().spec?.template.metadata?.labels).toMatchObject(selector ?? {});
    expect(database().spec?.template.metadata?.labels).not.toMatchObject(selector ?? {});
  });

  it('reaches its database through the environment, with no password in the manifest', () => {
    const env = podOf(deploymentOf()).containers[0]?.env ?? [];
    expect(env).toContainEqual({
      name: 'PGPASSWORD',
      valueFrom: { secretKeyRef: { name: 'test-prod-db', key: 'password' } },
    });
    expect(env.at(-1)).toEqual({
      name: 'DATABASE_URL',
      value: 'postgresql://$(PGUSER):$(PGPASSWORD)@$(PGHOST):$(PGPORT)/$(PGDATABASE)',
    });
    const names = env.map(({ name }) => name);
    for (const name of ['PGUSER', 'PGPASSWORD', 'PGHOST', 'PGPORT', 'PGDATABASE'])
      expect(names.indexOf(name)).toBeLessThan(names.indexOf('DATABASE_URL'));
  });

  it.each([
    ['$(PORT).py', '$$(PORT).py'],
    ['$$.py', '$$$$.py'],
    ['{memory_mb}.py', '{memory_mb}.py'],
  ])('is started by the name %s, in which the kubelet must replace nothing', (entrypoint, written) => {
    const { spec } = programTemplate('test', programOf(provenance()), { ...start, entrypoint }, settings);
    expect(spec?.containers[0]?.args).toEqual(['run', written]);
    const request = { provenance: provenance(), program: { ...code, migrate: entrypoint } };
    const migration = migrationPod('x', settings, request, { filesUid: 'uid', network }).spec;
    expect(migration?.containers[0]?.args).toEqual(['once', written]);
  });

  it('resolves its database without DNS', () => {
    const pod = podOf(deploymentOf());
    expect(pod).toMatchObject({ hostAliases, dnsPolicy: 'None', dnsConfig: { nameservers: ['127.0.0.1'] } });
    expect(deploymentOf().spec?.template.metadata?.labels).toMatchObject({ 'orchestration-app/dns': 'none' });
    expect(deploymentOf().spec?.selector.matchLabels).not.toHaveProperty('orchestration-app/dns');
  });

  it('resolves every name with a plan that allows the internet, also when it is restored, and no longer without', () => {
    const program = programOf(provenance());
    const online = { ...network, dns: dnsOf({ ...NO_EGRESS, internet: true }) };
    const template = programTemplate('test', program, { ...start, network: online }, settings);
    expect(template.spec).toMatchObject({ hostAliases, dnsPolicy: 'ClusterFirst' });
    expect(template.spec).not.toHaveProperty('dnsConfig');
    expect(template.metadata?.labels).toMatchObject({ 'orchestration-app/dns': 'cluster' });
    const offline = programTemplate('test', program, start, settings);
    expect(withNetwork(offline, online)).toEqual(template);
    expect(withNetwork(template, network)).toEqual(offline);
    expect(withNetwork(offline, network)).toEqual(offline);
  });

  it('has the variables of the egress proxy that its plan has now, also when it is restored', () => {
    const program = programOf(provenance());
    const proxied = {
      ...network,
      proxyVariables: [{ name: 'HTTPS_PROXY', value: 'http://ada.large:x@10.0.0.1' }],
    };
    const template = programTemplate('test', program, { ...start, network: proxied }, settings);
    expect(template.spec?.containers[0]?.env?.at(-1)).toEqual(proxied.proxyVariables[0]);
    const direct = programTemplate('test', program, start, settings);
    expect(withNetwork(direct, proxied)).toEqual(template);
    expect(withNetwork(template, network)).toEqual(direct);
  });

  it('carries its submission on the Deployment and on the pods, so that each submission is a revision', () => {
    const deployment = deploymentOf();
    const program = programOf(provenance());
    expect(programIn('current', deployment.metadata?.annotations)).toEqual(program);
    expect(programIn('current', deployment.spec?.template.metadata?.annotations)).toEqual(program);
  });

  it('remembers what was live before it', () => {
    const program = programOf(provenance());
    const before = { ...program, submissionId: 'sub-0' };
    const template = programTemplate('test', program, start, settings);
    const { metadata } = programDeployment('test', program, template, before);
    expect(programIn('previous', metadata?.annotations)).toEqual(before);
    expect(programIn('live', metadata?.annotations)).toBeNull();
  });
});

describe('a program with requirements', () => {
  const requiring = { ...start, requirements: ['six==1.17.0'] };
  const index = { packageIndex: { url: 'http://worker:secret@192.0.2.7/simple', cidr: '192.0.2.7/32' } };
  const templateWith = (more: object) =>
    programTemplate('test', programOf(provenance()), requiring, { ...settings, ...more });

  it('has them installed by a container before it, with the same rights, into what it can only read', () => {
    const { initContainers = [], containers } = templateWith(index).spec!;
    expect(initContainers).toMatchObject([
      {
        name: 'requirements',
        args: ['--install', 'six==1.17.0'],
        securityContext: containers[0]?.securityContext,
        resources: containers[0]?.resources,
      },
    ]);
    expect(initContainers[0]?.volumeMounts).toContainEqual({ name: 'layer', mountPath: '/layer' });
    const mount = { name: 'layer', mountPath: '/layer', readOnly: true };
    expect(containers[0]?.volumeMounts).toContainEqual(mount);
  });

  it('learns nothing of the index, whose password is in no manifest', () => {
    const template = templateWith(index);
    expect(JSON.stringify(template)).not.toContain('secret@');
    expect(JSON.stringify(template.spec?.containers)).not.toContain('PACKAGE_INDEX_URL');
    expect(JSON.stringify(template.spec?.initContainers)).not.toContain('PGPASSWORD');
  });

  it('is rejected where there is no index', () => {
    expect(() => templateWith({})).toThrow('set PACKAGE_INDEX_URL');
  });
});

describe("the program's files", () => {
  it('never change, under a name made from their content', () => {
    expect(filesManifest(provenance(), code)).toMatchObject({
      metadata: { name: 'test-prod-abababababab' },
      immutable: true,
      data: code.files,
    });
  });

  it('say how they are started', () => {
    const javascript = {
      ...code,
      language: 'javascript',
      files: { 'src/main.js': '' },
      entrypoint: 'src/main.js',
    };
    expect(launchSpecOf(filesManifest(provenance(), javascript))).toEqual({
      language: 'javascript',
      entrypoint: 'src/main.js',
      files: ['src/main.js'],
      requirements: [],
    });
  });

  it('say what must be installed before', () => {
    const requirements = ['six==1.17.0'];
    expect(launchSpecOf(filesManifest(provenance(), { ...code, requirements }))).toMatchObject({
      requirements,
    });
  });

  it('say whether it is not ready before it serves, and so does the environment of its container', () => {
    const environmentOf = (manifest: V1ConfigMap) =>
      programTemplate('test', programOf(provenance()), { ...launchSpecOf(manifest)!, network }, settings).spec
        ?.containers[0]?.env;
    const serves = { name: 'SERVES', value: '1' };
    expect(environmentOf(filesManifest(provenance(), { ...code, serves: true }))).toContainEqual(serves);
    expect(environmentOf(filesManifest(provenance(), code))).not.toContainEqual(serves);
  });

  it('must include the entrypoint', () => {
    expect(() => filesManifest(provenance(), { ...code, entrypoint: 'app.py' })).toThrow(
      'The entrypoint app.py is not among',
    );
  });

  it.each(['lib/x.py', 'my_module.py', 'naïve name.py', 'a%2f_2f.txt', '.env'])(
    'may be called %s, and are found under that name in the pod',
    (name) => {
      const manifest = filesManifest(provenance(), { ...code, files: { ...code.files, [name]: 'text' } });
      const [key] = Object.entries(manifest.data ?? {}).find(([, text]) => text === 'text') ?? [''];
      expect(key).toMatch(/^[-._a-zA-Z0-9]+$/);
      const template = programTemplate(
        'test',
        programOf(provenance()),
        { ...launchSpecOf(manifest)!, network },
        settings,
      );
      const volume = template.spec?.volumes?.find((candidate) => candidate.name === 'files');
      expect(volume?.configMap?.items).toContainEqual({ key, path: name });
    },
  );

  it.each(['..secret', '/etc/passwd', 'lib/../x.py', 'lib//x.py', './x.py', 'x'.repeat(254), 'é'.repeat(43)])(
    'may not be called %s',
    (name) => {
      const manifest = () => filesManifest(provenance(), { ...code, files: { ...code.files, [name]: '' } });
      expect(manifest).toThrow(name);
    },
  );

  it('must fit into a ConfigMap', () => {
    const large = { 'main.py': 'é'.repeat(500_001) };
    expect(() => filesManifest(provenance(), { ...code, files: large })).toThrow('1000002 bytes');
  });
});

describe('the database', () => {
  it('keeps its volume when the StatefulSet goes', () => {
    expect(database().spec?.persistentVolumeClaimRetentionPolicy).toEqual({
      whenDeleted: 'Retain',
      whenScaled: 'Retain',
    });
  });

  it('takes the default StorageClass, or the one that was named', () => {
    const claim = (storageClass?: string) =>
      databaseStatefulSet(provenance(), { ...settings, storageClass }, VERSION, null).spec
        ?.volumeClaimTemplates?.[0];
    expect(claim()?.spec).not.toHaveProperty('storageClassName');
    expect(claim('fast')?.spec).toHaveProperty('storageClassName', 'fast');
  });

  it('is not touched by a new submission', () => {
    const other = databaseStatefulSet({ ...provenance(), submissionId: 'sub-2' }, settings, VERSION, null);
    expect(other.spec).toEqual(database().spec);
  });

  it('starts again when its Secret was made anew', () => {
    expect(database('uid-2').spec?.template).not.toEqual(database('uid-1').spec?.template);
  });

  it('has an address that stays when its pod is replaced', () => {
    expect(databaseService(provenance()).spec).not.toHaveProperty('clusterIP');
    expect(databaseService(provenance()).metadata?.name).toBe(database().spec?.serviceName);
  });

  it('gets another password each time, fit for a URL and for its entrypoint', () => {
    const passwords = [1, 2].map(() => passwordSecret(provenance()).stringData?.password ?? '');
    expect(passwords[0]).toMatch(/^[A-Za-z0-9_-]{32}$/);
    expect(passwords[0]).not.toBe(passwords[1]);
  });
});

it('every name that Kubernetes derives for a user id of 40 characters is a valid label', () => {
  const userId = 'u'.repeat(40);
  const replicaSetPod = `${deploymentOf(userId).metadata?.name}-7d9f8c6b54-x2x9z`;
  const statefulSet = databaseStatefulSet(provenance(userId), settings, VERSION, null).metadata?.name ?? '';
  const configMap = filesManifest(provenance(userId), code).metadata?.name ?? '';
  for (const name of [replicaSetPod, `${statefulSet}-7d9f8c6b54`, `data-${statefulSet}-0`, configMap])
    expect(name.length).toBeLessThanOrEqual(63);
});

describe('a program that was submitted with input and arguments', () => {
  const given = { stdin: 'a line\n', args: ['-v', '$(PORT)', 'é'] };
  const asked = { ...code, given };
  const program = programOf(provenance(), asked);
  const manifest = filesManifest(provenance(), asked);

  it('has them beside its files, under keys that no file can have', () => {
    expect(manifest.data).toEqual({
      'main.py': "print('Hello')",
      __stdin: 'a line\n',
      __args: '["-v","$(PORT)","é"]',
    });
    const named = filesManifest(provenance(), {
      ...asked,
      files: { 'main.py': '', __stdin: 'a file', _stdin: 'another' },
    });
    expect(named.data).toMatchObject({ __stdin: 'a line\n', _5f_5fstdin: 'a file', _5fstdin: 'another' });
    expect(launchSpecOf(named)?.files).toEqual(expect.arrayContaining(['main.py', '__stdin', '_stdin']));
  });

  it('is another object than the same code without them, or with others', () => {
    const without = programOf(provenance()).configMap;
    const other = programOf(provenance(), { given: { ...given, stdin: '' } }).configMap;
    const names = [program.configMap, without, other];
    expect(new Set(names).size).toBe(3);
    expect(manifest.metadata?.name).toBe(program.configMap);
  });

  it('finds them in a folder of its own, also after a rollback, and not in container arguments', () => {
    const spec = programTemplate('test', program, { ...launchSpecOf(manifest)!, network }, settings).spec!;
    const [container] = spec.containers;
    expect(container?.args).toEqual(['run', 'main.py']);
    expect(container?.env).toContainEqual({ name: 'INPUT_DIRECTORY', value: '/input' });
    expect(container?.volumeMounts).toContainEqual({ name: 'input', mountPath: '/input', readOnly: true });
    expect(spec.volumes).toContainEqual({
      name: 'input',
      configMap: {
        name: program.configMap,
        defaultMode: 0o444,
        items: [
          { key: '__stdin', path: 'stdin' },
          { key: '__args', path: 'args' },
        ],
      },
    });
    expect(launchSpecOf(manifest)).toMatchObject({ files: ['main.py'], hasInput: true });
  });
});

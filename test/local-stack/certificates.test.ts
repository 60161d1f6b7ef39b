import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CertificateAuthority,
  type CertificateRequest,
} from '../../local-stack/cluster/certificateAuthority';
import { ensureCredentials } from '../../local-stack/cluster/credentials';
import { readSettings } from '../../local-stack/settings';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'certificates-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const read = (path: string) => new X509Certificate(readFileSync(path));
const request: CertificateRequest = {
  name: 'server',
  commonName: 'kube-apiserver',
  organizations: ['system:masters', 'second'],
  hosts: ['10.199.0.1', 'kubernetes.default'],
  usage: ['serverAuth', 'clientAuth'],
};

test('a certificate is signed by its authority, says what was asked and fits its key', async () => {
  const authority = await CertificateAuthority.open(directory, 'ca');
  const files = await authority.issue(request);
  const [root, certificate] = [read(authority.files.certificate), read(files.certificate)];
  expect(root.ca).toBe(true);
  expect(certificate.ca).toBe(false);
  expect(certificate.verify(root.publicKey)).toBe(true);
  expect(certificate.checkIssued(root)).toBe(true);
  expect(certificate.subject).toBe('O=system:masters\nO=second\nCN=kube-apiserver');
  expect(certificate.checkIP('10.199.0.1')).toBe('10.199.0.1');
  expect(certificate.checkHost('kubernetes.default')).toBe('kubernetes.default');
  expect(certificate.checkHost('elsewhere')).toBeUndefined();
  expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
  expect(certificate.checkPrivateKey(createPrivateKey(readFileSync(files.key)))).toBe(true);
  expect(statSync(files.key).mode & 0o077).toBe(0);
});

test('the same request gives the same certificate, a changed one another', async () => {
  const authority = await CertificateAuthority.open(directory, 'ca');
  const serial = async (wanted: CertificateRequest) =>
    read((await authority.issue(wanted)).certificate).serialNumber;
  const first = await serial(request);
  expect(await serial(request)).toBe(first);
  expect(await serial({ ...request, hosts: ['10.199.0.9'] })).not.toBe(first);
});

test('an authority that was made anew issues its certificates anew', async () => {
  const before = await (await CertificateAuthority.open(directory, 'ca')).issue(request);
  const serial = read(before.certificate).serialNumber;
  rmSync(join(directory, 'ca.key'));
  const authority = await CertificateAuthority.open(directory, 'ca');
  const after = read((await authority.issue(request)).certificate);
  expect(after.serialNumber).not.toBe(serial);
  expect(after.verify(read(authority.files.certificate).publicKey)).toBe(true);
});

test('the worker of the local stack is the service account that it is in a cluster', async () => {
  const settings = readSettings({ HOME: directory });
  const credentials = await ensureCredentials(settings);
  const kubeconfig = JSON.parse(readFileSync(credentials.kubeconfigs.worker, 'utf8')) as {
    users: [{ user: Record<string, string> }];
    clusters: [{ cluster: { server: string } }];
  };
  const encoded = kubeconfig.users[0].user['client-certificate-data'] ?? '';
  const certificate = new X509Certificate(Buffer.from(encoded, 'base64'));
  expect(certificate.subject).toBe(
    'O=system:serviceaccounts\nO=system:serviceaccounts:orchestration-system\n' +
      'CN=system:serviceaccount:orchestration-system:orchestration-worker',
  );
  expect(certificate.verify(read(credentials.authority.certificate).publicKey)).toBe(true);
  expect(kubeconfig.clusters[0].cluster.server).toBe('https://10.199.0.1:6443');
  expect(statSync(credentials.kubeconfigs.worker).mode & 0o077).toBe(0);
});

test('a certificate of another authority does not verify', async () => {
  const [one, other] = await Promise.all([
    CertificateAuthority.open(directory, 'ca'),
    CertificateAuthority.open(directory, 'etcd-ca'),
  ]);
  const certificate = read((await other.issue(request)).certificate);
  expect(certificate.verify(read(one.files.certificate).publicKey)).toBe(false);
});

test('a note without its certificate does not stand in for it', async () => {
  const authority = await CertificateAuthority.open(directory, 'ca');
  const files = await authority.issue(request);
  writeFileSync(files.key, '');
  rmSync(files.certificate);
  const again = await authority.issue(request);
  expect(read(again.certificate).checkPrivateKey(createPrivateKey(readFileSync(again.key)))).toBe(true);
});

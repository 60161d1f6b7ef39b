import { createHash, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../machine/command';

/**
 * The subject of a certificate. Kubernetes uses the common name as the user and the organizations as groups.
 */
export interface CertificateRequest {
  /** File name: NAME.crt and NAME.key. */
  name: string;
  commonName: string;
  organizations?: readonly string[];
  /** DNS names and IP addresses for which a server certificate is valid. */
  hosts?: readonly string[];
  usage: readonly ('clientAuth' | 'serverAuth')[];
}

/** Paths of a certificate and its private key. Only its owner can read the key. */
export interface CertificateFiles {
  certificate: string;
  key: string;
}

const authorityDays = 3650;
const certificateDays = 365;
/** A certificate is renewed at a start within this many milliseconds before it expires: 30 days. */
const renewBefore = 30 * 24 * 3600 * 1000;

/**
 * A local certificate authority, stored in a folder. It uses openssl(1): Node can read certificates but not
 * create them, and the maintained npm package for it has fifteen dependencies and a global polyfill.
 */
export class CertificateAuthority {
  private constructor(
    private readonly directory: string,
    private readonly name: string,
  ) {}

  get files(): CertificateFiles {
    return filesOf(this.directory, this.name);
  }

  /** Opens the authority in this folder, or creates it. */
  static async open(directory: string, name: string): Promise<CertificateAuthority> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const authority = new CertificateAuthority(directory, name);
    const files = authority.files;
    const current = existsSync(files.key) && (await isCurrent(files.certificate));
    if (!current) {
      await makeCertificate(
        files,
        authorityDays,
        [],
        [
          '[subject]',
          `CN = orchestration-local ${name}`,
          '[extensions]',
          'basicConstraints = critical, CA:TRUE',
          'keyUsage = critical, keyCertSign, cRLSign, digitalSignature',
          'subjectKeyIdentifier = hash',
        ],
      );
    }
    return authority;
  }

  /**
   * Returns a certificate for a request. Reuses the existing one if the request is unchanged, this authority
   * signed it, and it does not expire soon.
   */
  async issue(request: CertificateRequest): Promise<CertificateFiles> {
    const files = filesOf(this.directory, request.name);
    const note = join(this.directory, `${request.name}.request`);
    const wanted = createHash('sha256').update(JSON.stringify(request)).digest('hex');
    if ((await readText(note)) === wanted && existsSync(files.key) && (await this.issuedAndCurrent(files)))
      return files;
    await rm(note, { force: true });
    const organizations = (request.organizations ?? []).map(
      (organization, index) => `${index}.O = ${organization}`,
    );
    const names = (request.hosts ?? []).map((host) => (/^[\d.]+$/.test(host) ? `IP:${host}` : `DNS:${host}`));
    const { certificate, key } = this.files;
    await makeCertificate(
      files,
      certificateDays,
      ['-CA', certificate, '-CAkey', key],
      [
        '[subject]',
        ...organizations,
        `CN = ${request.commonName}`,
        '[extensions]',
        'basicConstraints = critical, CA:FALSE',
        'keyUsage = critical, digitalSignature',
        `extendedKeyUsage = ${request.usage.join(', ')}`,
        'authorityKeyIdentifier = keyid',
        ...(names.length > 0 ? [`subjectAltName = ${names.join(', ')}`] : []),
      ],
    );
    await writeFile(note, wanted);
    return files;
  }

  private async issuedAndCurrent(files: CertificateFiles): Promise<boolean> {
    if (!(await isCurrent(files.certificate))) return false;
    const authority = new X509Certificate(await readFile(this.files.certificate));
    return new X509Certificate(await readFile(files.certificate)).verify(authority.publicKey);
  }
}

/** Creates an RSA key pair for signing service account tokens. */
export async function signingKeys(directory: string): Promise<{ privateKey: string; publicKey: string }> {
  const privateKey = join(directory, 'service-account.key');
  const publicKey = join(directory, 'service-account.pub');
  if (!existsSync(publicKey)) {
    const unfinished = `${publicKey}.unfinished`;
    await runCommand('openssl', ['genrsa', '-out', privateKey, '2048']);
    await runCommand('openssl', ['rsa', '-in', privateKey, '-pubout', '-out', unfinished]);
    await rename(unfinished, publicKey);
  }
  return { privateKey, publicKey };
}

function filesOf(directory: string, name: string): CertificateFiles {
  return { certificate: join(directory, `${name}.crt`), key: join(directory, `${name}.key`) };
}

async function makeCertificate(
  files: CertificateFiles,
  days: number,
  signer: string[],
  sections: string[],
): Promise<void> {
  const configuration = `${files.certificate}.cnf`;
  const head = ['[req]', 'prompt = no', 'distinguished_name = subject', 'x509_extensions = extensions'];
  await writeFile(configuration, [...head, ...sections, ''].join('\n'));
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', files.key];
  const output = ['-out', files.certificate, '-days', String(days), '-config', configuration];
  // openssl creates the key file with permissions for its owner only.
  await runCommand('openssl', ['req', '-x509', '-new', '-sha256', ...newKey, ...output, ...signer]);
  await rm(configuration);
}

async function isCurrent(path: string): Promise<boolean> {
  const text = await readText(path);
  return text !== undefined && Date.parse(new X509Certificate(text).validTo) - Date.now() > renewBefore;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../machine/command';

/**
 * The npm configuration of this machine, and the certificate authority that its Node trusts, as build
 * secrets. The keys are the names that Dockerfiles use for these secrets, which leave no trace in an image.
 * @param directory - where the file for npm is stored, readable only by this user.
 */
export async function npmSecrets(directory: string): Promise<Record<string, string>> {
  const [user, registry] = (await runCommand('npm', ['config', 'get', 'userconfig', 'registry']))
    .split('\n')
    .map((line) => line.replace(/^\w+=/, '').trim());
  const kept = user && existsSync(user) ? readFileSync(user, 'utf8') : '';
  const file = join(directory, 'npmrc');
  await writeFile(file, `${kept}\nregistry=${registry}\n`, { mode: 0o600 });
  const authority = process.env.NODE_EXTRA_CA_CERTS;
  return { npmrc: file, ...(authority && existsSync(authority) && { ca: authority }) };
}

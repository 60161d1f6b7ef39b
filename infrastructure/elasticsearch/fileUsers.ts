import { pbkdf2Sync, randomBytes } from 'node:crypto';

/** A user in Elasticsearch's file realm. */
export interface FileUser {
  name: string;
  password: string;
  role: string;
}

const ITERATIONS = 10_000;
const BYTES = 32;

/** The hash of a password in Elasticsearch's format: PBKDF2 with HMAC-SHA-512, 10,000 iterations. */
export function passwordHash(password: string, salt = randomBytes(BYTES)): string {
  const hash = pbkdf2Sync(password, salt, ITERATIONS, BYTES, 'sha512');
  return `{PBKDF2}${ITERATIONS}$${salt.toString('base64')}$${hash.toString('base64')}`;
}

/** The content of the files `users` and `users_roles`. */
export function userFiles(users: FileUser[]): { users: string; users_roles: string } {
  const roles = [...new Set(users.map(({ role }) => role))];
  return {
    users: users.map(({ name, password }) => `${name}:${passwordHash(password)}\n`).join(''),
    users_roles: roles
      .map(
        (role) => `${role}:${users.flatMap((user) => (user.role === role ? [user.name] : [])).join(',')}\n`,
      )
      .join(''),
  };
}

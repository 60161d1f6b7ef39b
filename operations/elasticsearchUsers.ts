import { randomBytes } from 'node:crypto';
import { runCommandLine, UsageError } from '../infrastructure/commandLine';
import { userFiles } from '../infrastructure/elasticsearch/fileUsers';

/**
 * `npm run --silent elasticsearch-users > secrets.json`: creates new passwords for the users of
 * infrastructure/secured/elasticsearch.yaml, as Secrets to apply.
 */

/**
 * Users and their roles. Elasticsearch defines kibana_system and superuser; infrastructure/secured the
 * others.
 */
const ROLES = {
  orchestration: 'orchestration',
  fluentd: 'forwarder',
  kibana: 'kibana_system',
  operator: 'superuser',
};

const PASSWORD_BYTES = 24;

function main(args: string[]): Promise<object> {
  if (args.length > 0) throw new UsageError('Usage: npm run --silent elasticsearch-users > secrets.json');
  const users = Object.entries(ROLES).map(([name, role]) => {
    return { name, role, password: randomBytes(PASSWORD_BYTES).toString('base64url') };
  });
  const passwords = Object.fromEntries(users.map(({ name, password }) => [name, password]));
  return Promise.resolve({
    apiVersion: 'v1',
    kind: 'List',
    items: [
      secret('orchestration-system', 'elasticsearch-users', userFiles(users)),
      secret('orchestration-system', 'elasticsearch-passwords', passwords),
      secret('kube-system', 'fluentd-elasticsearch', { password: passwords.fluentd ?? '' }),
    ],
  });
}

function secret(namespace: string, name: string, stringData: Record<string, string>) {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, stringData };
}

runCommandLine(main);

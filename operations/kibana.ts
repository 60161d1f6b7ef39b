import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runCommandLine, UsageError } from '../infrastructure/commandLine';
import { readConfig } from '../infrastructure/config/config';
import { auditIndexOf } from '../infrastructure/elasticsearch/actionsTemplate';
import { importInto, ndjsonOf } from '../infrastructure/kibana/import';
import { savedObjects } from '../infrastructure/kibana/objects';
import { serverEnvironment } from './serverEnvironment';

/** `npm run kibana`: installs the platform's data views, searches and dashboards in Kibana (docs/logs.md). */

const USAGE = `Usage: npm run kibana [-- --write]
Imports data views, searches and dashboards into Kibana at KIBANA_URL, with KIBANA_API_KEY if it wants one; those that
were imported before are replaced. --write writes them to infrastructure/kibana/orchestration.ndjson instead.`;

const FILE = join(__dirname, '..', 'infrastructure', 'kibana', 'orchestration.ndjson');

async function main(args: string[]): Promise<object> {
  const config = readConfig(
    ['KIBANA_URL', 'KIBANA_API_KEY', 'ELASTICSEARCH_INDEX', 'ELASTICSEARCH_LOGS'],
    serverEnvironment(),
  );
  const { ELASTICSEARCH_INDEX: actions, ELASTICSEARCH_LOGS: logs } = config;
  const objects = savedObjects({ actions, audit: auditIndexOf(actions), logs });
  if (optionsIn(args).write) {
    writeFileSync(FILE, ndjsonOf(objects));
    return { written: FILE, objects: objects.length };
  }
  if (config.KIBANA_URL === undefined) throw new UsageError(`KIBANA_URL says where Kibana is.\n${USAGE}`);
  return {
    imported: await importInto({ url: config.KIBANA_URL, apiKey: config.KIBANA_API_KEY }, objects),
  };
}

function optionsIn(args: string[]) {
  try {
    return parseArgs({ args, options: { write: { type: 'boolean' } } }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${USAGE}`);
  }
}

runCommandLine(main);

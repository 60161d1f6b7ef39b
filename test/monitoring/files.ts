import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { loadYaml } from '@kubernetes/client-node';
import { z } from 'zod';

/** The rules and the dashboard, limited to the fields that tests read. */

export const PROMETHEUS = resolve(__dirname, '..', '..', 'infrastructure', 'monitoring', 'prometheus');
const DASHBOARD = resolve(PROMETHEUS, '..', 'grafana', 'orchestration.json');
const OPERATIONS = resolve(__dirname, '..', '..', 'docs', 'operations.md');

const rule = z.object({
  alert: z.string().optional(),
  record: z.string().optional(),
  expr: z.string(),
  annotations: z.object({ summary: z.string(), runbook_url: z.string() }).optional(),
});
const rules = z.object({ groups: z.array(z.object({ name: z.string(), rules: z.array(rule) })) });

const datasource = z.strictObject({ type: z.literal('prometheus'), uid: z.literal('${datasource}') });
const panel = z.object({
  id: z.int(),
  title: z.string().min(1),
  type: z.enum(['row', 'stat', 'timeseries']),
  gridPos: z.object({ h: z.int(), w: z.int(), x: z.int(), y: z.int() }),
  datasource: datasource.optional(),
  targets: z
    .array(z.object({ refId: z.string(), datasource, expr: z.string().min(1), legendFormat: z.string() }))
    .default([]),
});
const dashboard = z.object({
  uid: z.string(),
  schemaVersion: z.int(),
  templating: z.object({
    list: z.tuple([z.object({ name: z.literal('datasource'), type: z.literal('datasource') })]),
  }),
  annotations: z.object({ list: z.array(z.object({ expr: z.string() })) }),
  panels: z.array(panel),
});

export type Rule = z.infer<typeof rule>;

export function readRules(): Rule[] {
  const file = rules.parse(loadYaml(readFileSync(join(PROMETHEUS, 'rules.yaml'), 'utf8')));
  return file.groups.flatMap(({ rules }) => rules);
}

export const readDashboard = () => dashboard.parse(JSON.parse(readFileSync(DASHBOARD, 'utf8')));

export const readOperations = (): string => readFileSync(OPERATIONS, 'utf8');

/** Every expression for Prometheus, and its source. Grafana's own variable is replaced as Grafana does. */
export function expressions(): [where: string, expr: string][] {
  const { panels, annotations } = readDashboard();
  return [
    ...readRules().map(({ alert, record, expr }): [string, string] => [alert ?? record ?? '', expr]),
    ...panels.flatMap(({ title, targets }) =>
      targets.map(({ refId, expr }): [string, string] => [`${title} ${refId}`, expr]),
    ),
    ...annotations.list.map(({ expr }): [string, string] => ['annotation', expr]),
  ].map(([where, expr]) => [where, expr.replaceAll('$__rate_interval', '5m').trim()]);
}

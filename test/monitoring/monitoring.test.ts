import { readDashboard, readOperations, readRules } from './files';
import { namesIn } from './names';

/** Checks that need no servers; test/proofs/prometheus.test.ts queries a real Prometheus. */

const alerts = readRules().filter(({ alert }) => alert !== undefined);

test.each(alerts.map(({ alert = '', annotations }) => [alert, annotations?.runbook_url]))(
  'the alert %s has a section in docs/operations.md, and leads to it',
  (alert, runbook) => {
    expect(runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    const [, section] = readOperations().split(new RegExp(`^### ${alert}$`, 'm'));
    expect(section?.split(/^#/m)[0]?.trim()).toMatch(/^\S.{60}/s);
  },
);

test('docs/operations.md has no section of an alert that there is not', () => {
  const [, told = ''] = readOperations().split(/^## Alerts$/m);
  const sections = [...told.split(/^## /m)[0]!.matchAll(/^### (\w+)$/gm)].map(([, name]) => name);
  expect(sections.sort()).toEqual(alerts.map(({ alert }) => alert).sort());
});

test('panels have ids of their own, and none lies upon another', () => {
  const { panels } = readDashboard();
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const taken = new Map<string, string>();
  for (const { title, gridPos } of panels)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(x).toBeLessThan(24);
        expect([title, taken.get(`${x} ${y}`)]).toEqual([title, undefined]);
        taken.set(`${x} ${y}`, title);
      }
});

test.each([
  ['sum by (status) (rate(a_total{code=~"x|y(z)"}[5m])) / b:c', ['a_total', 'b:c'], ['status', 'code']],
  [
    'histogram_quantile(0.95, sum by (le, stage) (rate(x_bucket[5m]))) > 5 and on (job) up == 0',
    ['x_bucket', 'up'],
    ['le', 'stage', 'job'],
  ],
  ['absent(up{job="a"} == 1)', ['up'], ['job']],
  ['max(deriv(x[10m])) > 128 * 1024', ['x'], []],
])('the names of %s are found', (expr, metrics, labels) => {
  expect(namesIn(expr)).toEqual({ metrics, labels });
});

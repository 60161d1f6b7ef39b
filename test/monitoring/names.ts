/** The names that a PromQL expression uses. */
export interface Names {
  metrics: string[];
  labels: string[];
}

const WORDS = new Set([
  ...['and', 'or', 'unless', 'bool', 'offset', 'inf', 'nan'],
  ...['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'],
]);

const GROUPING = /\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)/g;
const MATCHERS = /\{([^}]*)\}/g;

/** Finds the names of metrics and labels in an expression. */
export function namesIn(expr: string): Names {
  const unquoted = expr.replaceAll(/"[^"]*"/g, '""');
  const labels = new Set<string>();
  for (const [, list = ''] of unquoted.matchAll(GROUPING))
    for (const [label] of list.matchAll(/[a-z_]\w*/gi)) labels.add(label);
  for (const [, list = ''] of unquoted.matchAll(MATCHERS))
    for (const [, label = ''] of list.matchAll(/([a-z_]\w*)\s*(?:=|!=|=~|!~)/gi)) labels.add(label);
  const bare = unquoted
    .replaceAll(GROUPING, ' ')
    .replaceAll(MATCHERS, ' ')
    .replaceAll(/\[[^\]]*\]/g, ' ');
  const metrics = [...bare.matchAll(/[a-z_:][\w:]*(?!\s*\(|[\w:])/gi)].map(([name]) => name);
  return { metrics: metrics.filter((name) => !WORDS.has(name.toLowerCase())), labels: [...labels] };
}

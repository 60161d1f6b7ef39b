/**
 * Converts what an installer wrote (sandbox/languages/README.md: one JSON object with `name` and `version` per line)
 * into requirements such as `flask==3.0.0`. Undefined if that is empty or malformed.
 */
export function readInstalled(report: string): string[] | undefined {
  try {
    const packages = report
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
    return packages.every(isPackage) ? packages.map(({ name, version }) => `${name}==${version}`) : undefined;
  } catch {
    return undefined;
  }
}

function isPackage(value: unknown): value is { name: string; version: string } {
  if (typeof value !== 'object' || value === null) return false;
  const { name, version } = value as Record<string, unknown>;
  return typeof name === 'string' && typeof version === 'string';
}

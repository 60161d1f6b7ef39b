/**
 * Reads what an installer wrote of the packages that it installed (sandbox/languages/README.md): as
 * requirements of just these versions. Undefined when it did not write that, or not all of it.
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

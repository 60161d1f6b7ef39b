/**
 * Health check of a process on the same machine, for HEALTHCHECK and exec probes. Exits with 0 or 1.
 *
 *   node health.mjs VARIABLE DEFAULT PATH   the port is the value of the variable, or DEFAULT
 *
 * With DEFAULT `off` and the variable not set, the process has no such endpoint, and the check succeeds.
 */
const [variable, usual, path] = process.argv.slice(2);
const port = process.env[variable] || usual;
if (port !== 'off') {
  const { status } = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_000) });
  if (status !== 200) throw new Error(`${path} answers ${status}.`);
}

/**
 * Whether a process of ours answers on its own machine: what HEALTHCHECK and exec probes run. Ends with 0 or 1.
 *
 *   node health.mjs VARIABLE DEFAULT PATH   the port is that of the environment variable, else DEFAULT
 *
 * With DEFAULT `off` and the variable not set, a process serves no such endpoint: that it runs has to do.
 */
const [variable, usual, path] = process.argv.slice(2);
const port = process.env[variable] || usual;
if (port !== 'off') {
  const { status } = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(2_000) });
  if (status !== 200) throw new Error(`${path} answers ${status}.`);
}

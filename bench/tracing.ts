import { startCollector } from '../test/integration/collector';
import { Client } from '../test/integration/client';
import { kubectl } from '../test/integration/kubectl';
import { startPlatform, type Platform } from '../test/integration/platform';
import { ms, percentile, table } from './measure';

/** The cost of tracing: failing submissions, alternating between platforms with and without tracing. */

const SUBMISSIONS = 40;
const [PLAIN, TRACED] = ['bench-plain', 'bench-traced'];

export async function benchTracing(): Promise<void> {
  const collector = await startCollector();
  const platforms: Platform[] = [];
  try {
    const plain = await startPlatform();
    platforms.push(plain);
    const traced = await startPlatform({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.endpoint });
    platforms.push(traced);
    const ways = [
      { name: 'off', user: PLAIN, client: await Client.connect(plain), took: [] as number[] },
      { name: 'on', user: TRACED, client: await Client.connect(traced), took: [] as number[] },
    ];
    for (const { client, user } of ways) await client.submit(user, 'raise SystemExit(1)');
    for (let index = 0; index < SUBMISSIONS; index++)
      for (const { client, user, took } of ways) {
        const began = performance.now();
        await client.submit(user, 'raise SystemExit(1)');
        took.push(performance.now() - began);
      }
    for (const { client } of ways) await client.close();
    const base = percentile(ways[0]!.took, 0.5);
    table(
      ['tracing, frame to tests_failed', 'p50 ms', 'p95 ms', 'of p50'],
      ways.map(({ name, took }) => [
        name,
        ms(percentile(took, 0.5)),
        ms(percentile(took, 0.95)),
        `${((100 * percentile(took, 0.5)) / base - 100).toFixed(1)} %`,
      ]),
    );
    console.log(`${(collector.spans.length / (SUBMISSIONS + 1)).toFixed(1)} spans a submission`);
  } finally {
    await Promise.all(platforms.map((platform) => platform.stop()));
    await collector.stop();
    for (const user of [PLAIN, TRACED])
      await kubectl('delete', 'namespace', `user-${user}`, '--ignore-not-found', '--wait=false');
  }
}

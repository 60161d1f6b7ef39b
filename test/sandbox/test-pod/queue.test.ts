import { setTimeout as wait } from 'node:timers/promises';
import { reasonToSkip, runFrame, StandIn } from './standIn';

/** Runs that only wait briefly in the pod, and runs that have waited in the test queue and come in turn. */

const skipped = reasonToSkip();
if (skipped !== null) console.warn(`The tests of the test pod's queue are SKIPPED: ${skipped}.`);

/** Runs until it is cancelled. */
const BLOCKING = 'import time; time.sleep(60)';

/** The maximum `patience_ms` of a run, in milliseconds. */
const PATIENT = { patience_ms: 60_000 };

(skipped === null ? describe : describe.skip)('a queue in the test pod', () => {
  let pod: StandIn;

  beforeAll(async () => {
    pod = await StandIn.start();
  });

  afterAll(async () => {
    await pod?.stop();
  });

  /** Runs a program, and resolves when it has started. */
  async function begin(code: string, overrides: { key: string; in_turn?: boolean }) {
    const over = pod.ask(
      runFrame(code, { ...overrides, limits: { ...runFrame('').limits, wall_ms: 60_000 } }),
    );
    while (!pod.log.some((line) => line.includes(`key=${overrides.key}`))) await wait(10);
    return { over, cancel: () => pod.ask({ op: 'cancel', key: overrides.key }) };
  }

  /** How a run ended: the code of an error, or the outcome. */
  async function end(code: string, overrides: object, onAccepted?: () => void): Promise<string | undefined> {
    const { last } = await pod.ask(runFrame(code, overrides), onAccepted);
    return last.code ?? last.result?.outcome;
  }

  test('sends a run away when its turn does not come in time, and runs it when it is asked for again', async () => {
    const blocking = await begin(BLOCKING, { key: 'patience' });
    const second = runFrame('print("second")', { patience_ms: 200 });
    expect((await pod.ask(second)).last).toMatchObject({ type: 'error', code: 'not_yet' });
    await blocking.cancel();
    await blocking.over;
    expect((await pod.ask(second)).last).toMatchObject({ type: 'end', result: { outcome: 'passed' } });
  });

  test('lets a run that began in time end', async () => {
    expect(await end('import time; time.sleep(0.5)', { patience_ms: 300 })).toBe('passed');
  });

  test('runs what comes in turn before what can be sent away, and sends away at once what comes after it', async () => {
    const blocking = await begin(BLOCKING, { key: 'turn' });
    const order: string[] = [];
    const noted = (name: string, overrides: object, onAccepted?: () => void) =>
      end('', { ...overrides, key: name }, onAccepted).then((how) => order.push(`${name} ${how}`));
    const arrived: Promise<number>[] = [];
    for (const [name, overrides] of [
      ['ready', PATIENT],
      ['brief', PATIENT],
      ['in-turn', { in_turn: true }],
    ] as const)
      await new Promise<void>((accepted) => arrived.push(noted(name, overrides, accepted)));
    await noted('late', PATIENT);
    await blocking.cancel();
    await Promise.all([blocking.over, ...arrived]);
    const began = pod.log.flatMap(
      (line) => /start main\.py .* key=(ready|brief|in-turn|late)/.exec(line)?.[1] ?? [],
    );
    expect(order[0]).toBe('late not_yet');
    expect(began).toEqual(['ready', 'in-turn', 'brief']);
  });

  test('sends away at once the seventeenth that can be sent away', async () => {
    const blocking = await begin(BLOCKING, { key: 'places' });
    const ends: (string | undefined)[] = [];
    const all = Promise.all(Array.from({ length: 18 }, () => end('', PATIENT).then((how) => ends.push(how))));
    while (ends.length < 2) await wait(20);
    await blocking.cancel();
    await all;
    expect(ends.slice(0, 2)).toEqual(['busy', 'busy']);
    expect(ends.filter((how) => how === 'passed')).toHaveLength(16);
  });

  test('refuses a patience or a turn that is none', async () => {
    expect(await end('', { patience_ms: -1 })).toBe('invalid');
    expect(await end('', { patience_ms: '1' })).toBe('invalid');
    expect(await end('', { in_turn: 1 })).toBe('invalid');
  });
});

import { describeStep, duration, Progress } from '../../local-stack/machine/progress';

test.each([
  [0, '0.0 s'],
  [420, '0.4 s'],
  [9_949, '9.9 s'],
  [9_951, '10 s'],
  [59_400, '59 s'],
  [59_600, '1 m 0 s'],
  [462_000, '7 m 42 s'],
])('%i milliseconds read as %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});

test('a step says what is done, how far it is and for how long', () => {
  const step = { title: 'building Kubernetes', detail: '412 of 2010 packages', startedAt: 1000 };
  expect(describeStep(step, 81_000)).toBe('  building Kubernetes: 412 of 2010 packages, 1 m 20 s');
  expect(describeStep({ ...step, detail: '' }, 3000)).toBe('  building Kubernetes: 2.0 s');
});

describe('without a terminal', () => {
  const written: string[] = [];
  let now = 0;
  const progress = new Progress(
    { write: (text: string) => !written.push(text), isTTY: false, columns: 80 },
    () => now,
  );
  beforeEach(() => written.splice(0));

  test('each step leaves a line at its start and one at its end', async () => {
    const result = await progress.step('building', () => {
      now += 3000;
      return Promise.resolve(7);
    });
    expect(result).toBe(7);
    expect(written).toEqual(['  building ...\n', '  done: building (3.0 s)\n']);
  });

  test('a step that fails says so and passes its error on', async () => {
    await expect(progress.step('building', () => Promise.reject(new Error('no disk')))).rejects.toThrow(
      'no disk',
    );
    expect(written).toEqual(['  building ...\n', '  failed: building (0.0 s)\n']);
  });
});

test('on a terminal the steps under way are drawn below what stays, and erased when done', async () => {
  const written: string[] = [];
  let now = 0;
  const terminal = { write: (text: string) => !written.push(text), isTTY: true, columns: 30 };
  const progress = new Progress(terminal, () => now);
  await progress.step('building a very long thing indeed', () => {
    progress.say('a line');
    now += 2000;
    return Promise.resolve();
  });
  expect(written).toEqual([
    'a line\n',
    '  building a very long thing \n',
    '\x1b[1A\x1b[J',
    '  done: building a very long thing indeed (2.0 s)\n',
  ]);
});

import { drawFlameGraph, sharesOf, type CpuProfile } from '../../bench/flameGraph';

const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 1 });

/** One second: 0.2 idle, 0.6 in `ours` <called>, 0.2 in a package. */
const profile: CpuProfile = {
  nodes: [
    { id: 1, callFrame: frame('(root)'), children: [2, 3, 5] },
    { id: 2, callFrame: frame('(idle)') },
    { id: 3, callFrame: frame('ours', '/app/worker/main.js'), children: [4] },
    { id: 4, callFrame: frame('<called>', '/app/worker/other.js') },
    { id: 5, callFrame: frame('send', '/app/node_modules/@scope/package/lib/index.js') },
  ],
  samples: [2, 4, 4, 5],
  timeDeltas: [200_000, 300_000, 300_000, 200_000],
};

test('shares are of the time in which the process was busy, by package', () => {
  expect(sharesOf(profile, 1_000)).toEqual([
    ['here', 0.75],
    ['@scope/package', 0.25],
  ]);
  // Only the end: the last half second.
  expect(sharesOf(profile, 500)).toEqual([
    ['here', 0.6],
    ['@scope/package', 0.4],
  ]);
});

test('a box is as wide as the share of its function, below its caller, and names are escaped', () => {
  const svg = drawFlameGraph('A & B', profile, 1_000);
  expect(svg).toContain('A &amp; B');
  expect(svg).not.toContain('(idle)');
  const boxes = [...svg.matchAll(/<title>(.*?)<\/title><rect x="(.*?)" y="(.*?)" width="(.*?)"/g)];
  expect(boxes.map(([, ...values]) => values)).toEqual([
    ['ours here main.js:2: 75.0 %', '0.0', '34', '900.0'],
    ['&lt;called&gt; here other.js:2: 75.0 %', '0.0', '51', '900.0'],
    ['send @scope/package index.js:2: 25.0 %', '900.0', '34', '300.0'],
  ]);
});

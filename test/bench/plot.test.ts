import { drawPlot } from '../../bench/plot';

const plot = {
  name: 'rate',
  title: 'Rate of <all> & each',
  xLabel: 'in flight',
  yLabel: 'a second',
  series: [
    {
      name: 'here',
      points: [
        [1, 0],
        [32, 40],
      ] as [number, number][],
    },
    { name: 'there', points: [[1, 10]] as [number, number][] },
  ],
};

test('a plot has a line for each series, within its frame', () => {
  const svg = drawPlot(plot);
  expect(svg.match(/<polyline/g)).toHaveLength(2);
  expect(svg).toContain('points="70,306 620,112.4"');
  expect(svg).toContain('prefers-color-scheme:dark');
});

test('words are escaped', () => {
  expect(drawPlot(plot)).toContain('Rate of &lt;all&gt; &amp; each');
});

test('a plot without points is refused', () => {
  expect(() => drawPlot({ ...plot, series: [] })).toThrow('has no points');
});

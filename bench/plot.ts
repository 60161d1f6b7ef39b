import type { Plot } from './findings';

/** Size of the picture, in pixels. */
const SIZE = { width: 640, height: 360 };
const FRAME = { left: 70, right: 620, top: 64, bottom: 306 };
const TICKS = 5;
const NAMES_IN_A_ROW = 3;

/** Distinguishable on white and on black, also with colour blindness (the palette of Okabe and Ito). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'];

const STYLE =
  'text{font:12px sans-serif;fill:#24292f}.frame{stroke:#8c959f}.grid{stroke:#8c959f;opacity:.25}' +
  '@media(prefers-color-scheme:dark){text{fill:#d0d7de}}';

/**
 * Draws lines as an SVG. The x axis is logarithmic (base 2) for values that span more than a factor of eight;
 * the y axis starts at 0.
 */
export function drawPlot({ title, xLabel, yLabel, series }: Plot): string {
  const points = series.flatMap((line) => line.points);
  if (points.length === 0) throw new Error(`The plot ${title} has no points.`);
  const x = scaleOf(points.map(([value]) => value));
  const most = niceAbove(Math.max(...points.map(([, value]) => value)));
  const y = (value: number) => FRAME.bottom - (value / most) * (FRAME.bottom - FRAME.top);
  const middle = (FRAME.top + FRAME.bottom) / 2;
  const parts = [
    ...text(FRAME.left, 20, title, 'font-weight="bold"'),
    ...text((FRAME.left + FRAME.right) / 2, 346, xLabel, 'text-anchor="middle"'),
    ...text(16, middle, yLabel, `text-anchor="middle" transform="rotate(-90 16 ${middle})"`),
    line(FRAME.left, FRAME.bottom, FRAME.right, FRAME.bottom, 'frame'),
    ...Array.from({ length: TICKS + 1 }, (_, tick) => (most * tick) / TICKS).flatMap((value) => [
      line(FRAME.left, y(value), FRAME.right, y(value), 'grid'),
      ...text(FRAME.left - 8, y(value) + 4, short(value), 'text-anchor="end"'),
    ]),
    ...[...new Set(points.map(([value]) => value))].flatMap((value) =>
      text(x(value), FRAME.bottom + 18, short(value), 'text-anchor="middle"'),
    ),
    ...series.flatMap((one, index) => drawLine(one, index, x, y)),
    ...series.flatMap(({ name }, index) => nameLine(name, index, series.length)),
  ];
  const { width, height } = SIZE;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
${parts.join('\n')}
</svg>
`;
}

function drawLine(
  { points }: Plot['series'][number],
  index: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string[] {
  const colour = COLOURS[index % COLOURS.length]!;
  const at = points.map(([one, other]) => [round(x(one)), round(y(other))] as const);
  return [
    `<polyline fill="none" stroke="${colour}" stroke-width="2" points="${at.map((pair) => pair.join(',')).join(' ')}"/>`,
    ...at.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`),
  ];
}

/** The legend entry of the line with this index; `count` entries share a row. */
function nameLine(name: string, index: number, count: number): string[] {
  const left = FRAME.left + (index * (FRAME.right - FRAME.left)) / Math.max(NAMES_IN_A_ROW, count);
  return [
    `<rect x="${round(left)}" y="34" width="12" height="12" fill="${COLOURS[index % COLOURS.length]}"/>`,
    ...text(left + 18, 44, name),
  ];
}

function scaleOf(values: number[]): (value: number) => number {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const wide = most > 8 * Math.max(1, least);
  const position = (value: number) => (wide ? Math.log2(value + 1) : value);
  const span = position(most) - position(least) || 1;
  return (value) => FRAME.left + ((position(value) - position(least)) / span) * (FRAME.right - FRAME.left);
}

/** The smallest of 1, 2, 5, 10, 20 ... that is not below `value`. */
function niceAbove(value: number): number {
  if (value <= 0) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return ten * ([1, 2, 5].find((factor) => factor * ten >= value) ?? 10);
}

function short(value: number): string {
  if (value >= 1_000_000) return `${round(value / 1_000_000)}M`;
  return value >= 10_000 ? `${round(value / 1_000)}k` : String(round(value));
}

const round = (value: number) => Math.round(value * 100) / 100;

const line = (x1: number, y1: number, x2: number, y2: number, kind: string) =>
  `<line class="${kind}" x1="${round(x1)}" y1="${round(y1)}" x2="${round(x2)}" y2="${round(y2)}"/>`;

const text = (x: number, y: number, words: string, more = '') => [
  `<text x="${round(x)}" y="${round(y)}" ${more}>${escaped(words)}</text>`,
];

const escaped = (words: string) =>
  words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

import { basename } from 'node:path';

/** A profile of a processor as V8 writes it (`--cpu-prof`). */
export interface CpuProfile {
  nodes: { id: number; callFrame: CallFrame; children?: number[] }[];
  /** Ids of the nodes that were found running. */
  samples: number[];
  /** Time before each sample, in microseconds. */
  timeDeltas: number[];
}

interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
}

/** A function in the place from which it was called. */
interface Call {
  name: string;
  /** Microseconds in it and in what it called. */
  total: number;
  called: Map<string, Call>;
}

const WIDTH = 1200;
const ROW = 17;
const TOP = 34;
/** Narrower boxes are left out, in pixels. */
const MIN_WIDTH = 1.5;
/** Pixels per character of a label. */
const CHARACTER = 6.6;

const STYLE =
  'text{font:11px monospace;fill:#24292f}text.title{font:bold 12px sans-serif}rect{stroke:#fff;stroke-width:.5}' +
  '@media(prefers-color-scheme:dark){text.title{fill:#d0d7de}rect{stroke:#0d1117}}';

/** The time in which the process was idle, which no graph shows. */
const IDLE = '(idle)';

/**
 * Draws where the time of a process went, as an SVG: callers on top, the width of a box is its share.
 * @param lastMs only the time before the end of the profile, in milliseconds
 */
export function drawFlameGraph(title: string, profile: CpuProfile, lastMs: number): string {
  const root = callsIn(profile, lastMs);
  const boxes: string[] = [];
  let depths = 0;
  const draw = (call: Call, x: number, depth: number) => {
    const width = (call.total / root.total) * WIDTH;
    if (width < MIN_WIDTH) return;
    depths = Math.max(depths, depth + 1);
    if (depth >= 0) boxes.push(...box(call, x, depth, width, root.total));
    let left = x;
    for (const each of [...call.called.values()].sort((one, other) => other.total - one.total)) {
      draw(each, left, depth + 1);
      left += (each.total / root.total) * WIDTH;
    }
  };
  draw(root, 0, -1);
  const height = TOP + depths * ROW + 4;
  const heading = `<text class="title" x="4" y="20">${escaped(title)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}"><style>${STYLE}</style>${heading}${boxes.join('')}</svg>\n`;
}

/** The share of each package, of Node and of V8 in the time of a process, the largest first. */
export function sharesOf(profile: CpuProfile, lastMs: number): [where: string, share: number][] {
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const shares = new Map<string, number>();
  let total = 0;
  for (const { node, us } of samplesIn(profile, lastMs)) {
    const frame = frames.get(node)!;
    if (frame.functionName === IDLE) continue;
    total += us;
    const where = placeOf(frame);
    shares.set(where, (shares.get(where) ?? 0) + us);
  }
  return [...shares]
    .map(([where, us]): [string, number] => [where, us / total])
    .sort(([, one], [, other]) => other - one);
}

function callsIn(profile: CpuProfile, lastMs: number): Call {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id])),
  );
  const root: Call = { name: '', total: 0, called: new Map() };
  for (const { node, us } of samplesIn(profile, lastMs)) {
    const path: CallFrame[] = [];
    for (let id: number | undefined = node; id !== undefined; id = parents.get(id))
      path.unshift(nodes.get(id)!.callFrame);
    if (path.at(-1)!.functionName === IDLE) continue;
    let call = root;
    call.total += us;
    // The first frame is V8's own root.
    for (const frame of path.slice(1)) {
      const name = nameOf(frame);
      let next = call.called.get(name);
      if (!next) call.called.set(name, (next = { name, total: 0, called: new Map() }));
      next.total += us;
      call = next;
    }
  }
  return root;
}

function* samplesIn({ samples, timeDeltas }: CpuProfile, lastMs: number) {
  const us = timeDeltas.reduce((sum, delta) => sum + delta, 0);
  let at = 0;
  for (const [index, node] of samples.entries()) {
    at += timeDeltas[index]!;
    if (at > us - lastMs * 1000) yield { node, us: Math.max(0, timeDeltas[index]!) };
  }
}

function nameOf(frame: CallFrame): string {
  const { functionName, url, lineNumber } = frame;
  const name = functionName || '(anonymous)';
  return url === '' ? name : `${name} ${placeOf(frame)} ${basename(url)}:${lineNumber + 1}`;
}

/** The package of a function; `here` for this project. */
function placeOf({ functionName, url }: CallFrame): string {
  if (url === '') return functionName.startsWith('(') ? functionName : 'V8 and native code';
  if (url.startsWith('node:')) return 'node';
  const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/.][^/]*)/.exec(url) ?? [];
  return name ?? 'here';
}

function box({ name, total }: Call, x: number, depth: number, width: number, whole: number): string[] {
  const y = TOP + depth * ROW;
  const share = `${((total / whole) * 100).toFixed(1)} %`;
  const room = Math.floor((width - 6) / CHARACTER);
  const label = name.length > room ? name.slice(0, Math.max(0, room)) : name;
  return [
    `<g><title>${escaped(name)}: ${share}</title>`,
    `<rect x="${x.toFixed(1)}" y="${y}" width="${width.toFixed(1)}" height="${ROW - 1}" fill="${colourOf(name)}"/>`,
    room >= 4 ? `<text x="${(x + 3).toFixed(1)}" y="${y + 12}">${escaped(label)}</text>` : '',
    '</g>',
  ];
}

/** Gives each place its own colour, so that packages are distinguishable. */
function colourOf(name: string): string {
  const place = name.split(' ')[1] ?? name;
  const hue = [...place].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 360, 7);
  return `hsl(${hue} 65% 75%)`;
}

function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

import { isDeepStrictEqual } from 'node:util';
import type { Frame } from '../../integration/client';
import type { Observations, SeenSubmission, Violation } from '../observations';

/** A client that resumed received each frame once, and the same frames as all other clients. */
export function eachFrameOnce({ submissions }: Observations): Violation[] {
  return submissions.flatMap((submission) => [
    ...submission.complaints.map((text) => violation(submission, text)),
    ...submission.followed.flatMap((frames, client) => [
      ...faultsIn(frames).map((text) => violation(submission, `client ${client + 1}: ${text}`)),
      ...differences(frames, submission.replayed).map((text) =>
        violation(submission, `client ${client + 1}: ${text}`),
      ),
    ]),
    ...(submission.replayed === null
      ? [violation(submission, 'it cannot be followed when it is over')]
      : faultsIn(submission.replayed).map((text) => violation(submission, `afterwards: ${text}`))),
  ]);
}

const violation = ({ id }: SeenSubmission, text: string): Violation => ({
  rule: 'frames',
  text,
  submissionId: id,
});

function faultsIn(frames: Frame[]): string[] {
  const cursors = frames.map(({ cursor }) => String(cursor));
  const twice = cursors.filter((cursor, place) => cursors.indexOf(cursor) !== place);
  return [...twice.map((cursor) => `the frame ${cursor} came twice`), ...gaps(frames)];
}

/** Output restarts when tests are executed again; otherwise each piece starts where the last one ended. */
function gaps(frames: Frame[]): string[] {
  const faults: string[] = [];
  let ends = new Map<string, number>();
  for (const frame of frames) {
    const { type, stage, state } = frame;
    if (type === 'stage' && stage === 'run_tests' && (state === 'started' || state === 'executed_again'))
      ends = new Map();
    if (type !== 'output') continue;
    const stream = `${String(frame.step)} ${String(frame.stream)}`;
    const [offset, bytes, omitted] = [frame.offset, frame.bytes, frame.omitted_bytes ?? 0].map(Number);
    const due = ends.get(stream) ?? 0;
    if (offset !== due)
      faults.push(`${stream} goes on at ${offset}, and ${due} was due (${String(frame.cursor)})`);
    ends.set(stream, offset! + bytes! + omitted!);
  }
  return faults;
}

/** Output may be cut into different pieces each time; everything else is identical. */
function differences(frames: Frame[], replayed: Frame[] | null): string[] {
  if (replayed === null || !frames.some((frame) => 'status' in frame)) return [];
  const told = (all: Frame[]) =>
    all.filter(({ type, state }) => type !== 'output' && state !== 'executed_again');
  const [live, after] = [told(frames), told(replayed)];
  const place = live.findIndex((frame, index) => !isDeepStrictEqual(frame, after[index]));
  if (place < 0 && live.length === after.length) return [];
  return [
    `it got ${live.length} frames and ${after.length} come afterwards; the first that differs: ` +
      `${JSON.stringify(live[place] ?? null)} AND ${JSON.stringify(after[Math.max(place, 0)] ?? null)}`,
  ];
}

/**
 * Limits how many lines of a container are stored, for rsyslog (mmexternal): it writes a JSON object for each
 * line to stdin, and waits for the answer. The property `drop` in the answer drops the line. Lines are counted
 * by the minute in which they were printed: so lines that are read late, or again, are treated alike. For each
 * minute of which lines were dropped, a notice is appended to a file, which rsyslog forwards, too.
 *
 * Usage: node lineLimit.mjs LINES_PER_MINUTE NOTICES_FILE
 */
import { appendFileSync, readSync, writeSync } from 'node:fs';

const [, , limitText, noticesFile] = process.argv;
const limit = Number(limitText);
/** After this time without a line that was dropped, a minute is over. */
const QUIET_MS = 60_000;
const STORE = Buffer.from('{}\n');
const DROP = Buffer.from('{"$!":{"drop":1}}\n');

/** The current minute of each container, by its folder `NAMESPACE_POD_UID/CONTAINER`. */
const minutes = new Map();

/** Counts a line. @returns whether it is within the limit */
function isWithinLimit({ msg, '$!': properties }) {
  const container = properties.metadata.filename.split('/').slice(-3, -1).join('/');
  const at = msg.slice(0, msg.indexOf(' '));
  const minute = at.slice(0, 'YYYY-MM-DDThh:mm'.length);
  let counts = minutes.get(container);
  if (counts?.minute !== minute) {
    if (counts) writeNotice(container, counts);
    counts = { minute, lines: 0, dropped: 0, lastAt: at, seen: 0 };
    minutes.set(container, counts);
  }
  counts.seen = Date.now();
  counts.lines += 1;
  if (counts.lines <= limit) return true;
  counts.dropped += 1;
  counts.lastAt = at;
  return false;
}

function writeNotice(folder, { dropped, lastAt }) {
  if (dropped === 0) return;
  const [pod, container] = folder.split('/');
  const [namespace, name] = pod.split('_');
  const text =
    `[${dropped} lines were not stored: more than ${limit} were printed within a minute. The node keeps the ` +
    `latest ones: kubectl logs ${name} -n ${namespace} -c ${container}]`;
  appendFileSync(noticesFile, `${folder} ${justAfter(lastAt)} stderr F ${text}\n`);
}

/** A nanosecond later: two lines of a pod with the same time would count as one. */
function justAfter(at) {
  const [, seconds, nanoseconds, zone] = /^(.*\.)(\d{9})(.*)$/.exec(at) ?? [];
  if (nanoseconds === undefined) return at;
  return seconds + String(Math.min(Number(nanoseconds) + 1, 999_999_999)).padStart(9, '0') + zone;
}

function endMinutes(before) {
  for (const [container, counts] of minutes)
    if (counts.seen < before) {
      writeNotice(container, counts);
      minutes.delete(container);
    }
}

/** Without metadata, it is a line of rsyslog's clock (immark): minutes that are over get their notices. */
function answerTo(line) {
  const message = JSON.parse(line);
  if (message['$!']?.metadata) return isWithinLimit(message) ? STORE : DROP;
  endMinutes(Date.now() - QUIET_MS);
  return DROP;
}

// Blocking calls: rsyslog waits for each answer, and this is several times faster than streams.
const chunk = Buffer.alloc(262_144);
let rest = '';
for (let length = -1; (length = readSync(0, chunk)) > 0;) {
  const lines = (rest + chunk.toString('latin1', 0, length)).split('\n');
  rest = lines.pop();
  for (const line of lines) writeSync(1, answerTo(line));
}
endMinutes(Infinity);

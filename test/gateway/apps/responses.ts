/** Parses HTTP responses strictly: anything else where a response must be is an error. */

export interface Response {
  status: number;
  /**
   * Names are in lower case. Repeated headers would need an array, but framing headers must not be repeated.
   */
  headers: Map<string, string>;
  body: string;
}

export interface Read {
  /** The complete responses. */
  responses: Response[];
  /** The remaining bytes: an incomplete response, or what follows an upgrade. */
  rest: string;
}

const STATUS_LINE = /^HTTP\/1\.1 (\d{3}) [\t\x20-\x7e\x80-\xff]*$/;
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t\x20-\x7e\x80-\xff]*)$/;
const SINGLE = ['content-length', 'transfer-encoding', 'connection'];

/**
 * @param methods of the requests, in order: a response to HEAD has no body
 * @param ended whether the connection has ended: then a body without a length has ended, too
 * @throws Error when the bytes are not a response
 */
export function responsesIn(bytes: string, methods: string[] = [], ended = false): Read {
  const responses: Response[] = [];
  let rest = bytes;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return { responses, rest };
    const { status, headers } = headIn(rest.slice(0, end));
    const behind = rest.slice(end + 4);
    if (status === 101) return { responses: [...responses, { status, headers, body: '' }], rest: behind };
    const isInterim = status < 200;
    const hasNone = isInterim || status === 204 || status === 304;
    const method = methods[responses.filter((one) => one.status >= 200).length];
    const body = hasNone || method === 'HEAD' ? { text: '', bytes: 0 } : bodyIn(behind, headers, ended);
    if (body === null) return { responses, rest };
    responses.push({ status, headers, body: body.text });
    rest = behind.slice(body.bytes);
  }
}

function headIn(text: string): Pick<Response, 'status' | 'headers'> {
  const [first = '', ...lines] = text.split('\r\n');
  const status = STATUS_LINE.exec(first)?.[1];
  if (status === undefined) throw new Error(`no status line: ${JSON.stringify(first.slice(0, 100))}`);
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name = '', value = ''] = FIELD.exec(line) ?? [];
    if (name === '') throw new Error(`no header: ${JSON.stringify(line.slice(0, 100))}`);
    const key = name.toLowerCase();
    if (headers.has(key) && SINGLE.includes(key)) throw new Error(`${key} twice`);
    headers.set(key, value.trim());
  }
  return { status: Number(status), headers };
}

/** The body and its length on the connection; null when bytes are missing. */
function bodyIn(
  text: string,
  headers: Response['headers'],
  ended: boolean,
): { text: string; bytes: number } | null {
  const coding = headers.get('transfer-encoding');
  const length = headers.get('content-length');
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw new Error(`the coding ${coding}`);
    if (length !== undefined) throw new Error('a length and a coding');
    return chunksIn(text);
  }
  if (length !== undefined) {
    if (!/^\d+$/.test(length)) throw new Error(`the length ${length}`);
    const bytes = Number(length);
    return text.length < bytes ? null : { text: text.slice(0, bytes), bytes };
  }
  if (headers.get('connection')?.toLowerCase() !== 'close') throw new Error('a body without an end');
  return ended ? { text, bytes: text.length } : null;
}

function chunksIn(text: string): { text: string; bytes: number } | null {
  let body = '';
  let at = 0;
  for (;;) {
    const end = text.indexOf('\r\n', at);
    if (end < 0) return null;
    const line = text.slice(at, end);
    if (!/^[0-9a-f]+$/i.test(line))
      throw new Error(`no size of a chunk: ${JSON.stringify(line.slice(0, 100))}`);
    const size = parseInt(line, 16);
    const after = end + 2 + size;
    if (text.length < after + 2) return null;
    if (text.slice(after, after + 2) !== '\r\n') throw new Error('a chunk of another size, or a trailer');
    body += text.slice(end + 2, after);
    at = after + 2;
    if (size === 0) return { text: body, bytes: at };
  }
}

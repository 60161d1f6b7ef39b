/** One event of a stream of Server-Sent Events. */
export interface StreamEvent {
  id: string | undefined;
  data: string;
}

/** Parses the Server-Sent Events of the gateway. Ignores comments and retry times. */
export async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split(/\r?\n\r?\n/);
    text = blocks.pop() ?? '';
    for (const block of blocks) {
      const event = eventOf(block);
      if (event) yield event;
    }
  }
  // What is left in `text` was cut off. The gateway sends it again when the stream is resumed.
}

function eventOf(block: string): StreamEvent | null {
  const fields = block.split(/\r?\n/).map(fieldOf);
  const data = fields.filter(({ name }) => name === 'data').map(({ value }) => value);
  const id = fields.find(({ name }) => name === 'id')?.value;
  return data.length === 0 ? null : { id, data: data.join('\n') };
}

function fieldOf(line: string): { name: string; value: string } {
  const colon = line.indexOf(':');
  if (colon === -1) return { name: line, value: '' };
  return { name: line.slice(0, colon), value: line.slice(colon + 1).replace(/^ /, '') };
}

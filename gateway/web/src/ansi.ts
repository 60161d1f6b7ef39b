/** Splits terminal text into pieces with CSS classes. Keeps colours, and drops all other escape sequences. */

export interface Piece {
  text: string;
  className: string;
}

const ESCAPE =
  // eslint-disable-next-line no-control-regex
  /\x1b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])|\][^\x07\x1b]*(?:\x07|\x1b\\|$)|[PX^_][^\x1b]*(?:\x1b\\|$)|[ -/]*[0-~]|$)/g;
// eslint-disable-next-line no-control-regex
const CONTROL = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

const FLAGS: Record<number, string> = { 1: 'bold', 2: 'dim', 3: 'italic', 4: 'underline' };

export class AnsiReader {
  private flags = new Set<string>();
  private foreground = '';
  private background = '';

  read(text: string): Piece[] {
    const pieces: Piece[] = [];
    let from = 0;
    const add = (to: number) => {
      const plain = text.slice(from, to).replace(/\r\n?/g, '\n').replace(CONTROL, '');
      if (plain !== '') pieces.push({ text: plain, className: this.className });
    };
    for (const match of text.matchAll(ESCAPE)) {
      add(match.index);
      from = match.index + match[0].length;
      if (match[2] === 'm') this.select(match[1] ?? '');
    }
    add(text.length);
    return pieces;
  }

  private get className(): string {
    return [...this.flags, this.foreground, this.background].filter(Boolean).join(' ');
  }

  /** Select Graphic Rendition. Ignores colours beyond the basic sixteen. */
  private select(parameters: string): void {
    const codes = parameters.split(/[;:]/).map(Number);
    for (let index = 0; index < codes.length; index++) {
      const code = codes[index] ?? 0;
      if (code === 0) this.reset();
      else if (FLAGS[code]) this.flags.add(FLAGS[code]);
      else if (code === 22) ['bold', 'dim'].forEach((flag) => this.flags.delete(flag));
      else if (code === 23) this.flags.delete('italic');
      else if (code === 24) this.flags.delete('underline');
      else if (code === 38 || code === 48) index += codes[index + 1] === 2 ? 4 : 2;
      else if (code === 39) this.foreground = '';
      else if (code === 49) this.background = '';
      else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) this.foreground = `fg-${code % 10}`;
      else if ((code >= 40 && code <= 47) || (code >= 100 && code <= 107))
        this.background = `bg-${code % 10}`;
    }
  }

  private reset(): void {
    this.flags.clear();
    this.foreground = '';
    this.background = '';
  }
}
